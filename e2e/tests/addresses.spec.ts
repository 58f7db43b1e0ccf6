//! Addresses that people type: other file servers' paths, encoded queries, and addresses of nothing.

import { expect, test } from "../fixtures.ts";

test("a path leads to the folder in the page", async ({ page, tree }) => {
  await tree.write("Projects/site/notes.txt", "Milk\n");
  await page.goto("./Projects/site/");
  await expect(page).toHaveURL(/\/\?path=Projects\/site$/);
  await expect(page.getByText("notes.txt").first()).toBeVisible();
});

test("a path of nothing leads to a page that works", async ({ page, tree, faults }) => {
  faults.expectFailedLoads(404);
  await tree.write("notes.txt", "Milk\n");
  await page.goto("./foo/bar");
  await expect(page).toHaveURL(/\/\?path=foo\/bar$/);
  await page.getByRole("banner").getByRole("link").first().click();
  await expect(page.getByText("notes.txt").first()).toBeVisible();
});

test("an encoded slash in the query is a slash", async ({ page, tree }) => {
  await tree.write("Projects/site/notes.txt", "Milk\n");
  await page.goto("./?path=Projects%2Fsite");
  await expect(page.getByText("notes.txt").first()).toBeVisible();
});

for (const { locale, title, link } of [
  { locale: "en-GB", title: "Not found", link: "Go to all files" },
  { locale: "fr-FR", title: "Introuvable", link: "Revenir à tous les fichiers" },
]) {
  test.describe(locale, () => {
    test.use({ locale });

    test("a file that is gone is explained on a page with a way back", async ({ page, tree, faults }) => {
      faults.expectFailedLoads(404);
      await tree.write("docs/notes.txt", "Milk\n");
      const answer = await page.goto("./files/docs/gone.txt");
      expect(answer?.status()).toBe(404);
      await expect(page.getByRole("heading", { name: title })).toBeVisible();
      await page.getByRole("link", { name: link }).click();
      await expect(page.getByText("docs").first()).toBeVisible();
    });
  });
}
