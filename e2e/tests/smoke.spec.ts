//! Smoke tests: the server answers, and the page starts without errors.

import { expect, test } from "../fixtures.ts";

test("the server is ready", async ({ request }) => {
  const answer = await request.get("readyz");
  expect(answer.status()).toBe(200);
});

test("the page starts and lists the folder", async ({ page, tree }) => {
  await tree.write("first notes.txt", "Milk\n");
  await page.goto("./");
  await expect(page).toHaveTitle(/Passerelle/);
  await expect(page.getByText("first notes.txt").first()).toBeVisible();
});
