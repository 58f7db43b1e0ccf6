//! Live updates: what happens on the disk shows by itself, and moves neither the focused row nor what is being read.

import { closeSync, openSync } from "node:fs";
import { rename, rm } from "node:fs/promises";

import { expect, test } from "../fixtures.ts";
import { menu, toast } from "./changing.ts";
import { expectFocus, furnish, names, open, row } from "./page.ts";

/** The page hears of a folder from the moment that the server says so. */
async function watched(page: import("@playwright/test").Page, act: () => Promise<void>): Promise<void> {
  // What the first event brings is a look whether the folder is still the same: its first page, once more.
  let times = 0;
  const ready = page.waitForResponse((response) => response.url().includes("/api/v1/list/") && ++times === 2);
  await act();
  await ready;
}

test.beforeEach(async ({ tree }) => furnish(tree));

test("what others do shows by itself, in its place, and the focus stays", async ({ page, tree }) => {
  await watched(page, () => open(page));
  await row(page, "Bravo.txt").click();
  await expectFocus(page, "Bravo.txt");
  const at = await row(page, "Bravo.txt").boundingBox();
  await tree.write("almond.txt", "new");
  await expect(row(page, "almond.txt")).toBeVisible();
  await expectFocus(page, "Bravo.txt");
  await expect(row(page, "Bravo.txt")).toHaveAttribute("aria-selected", "true");
  await tree.write("alpha.txt", "x".repeat(2_500));
  await expect(row(page, "alpha.txt")).toContainText("2.5 kB");
  await rename(tree.at("file 2.txt"), tree.at("file 3.txt"));
  await expect(row(page, "file 3.txt")).toBeVisible();
  await expect(row(page, "file 2.txt")).toHaveCount(0);
  await rm(tree.at("almond.txt"));
  await expect(row(page, "almond.txt")).toHaveCount(0);
  await expectFocus(page, "Bravo.txt");
  expect(await row(page, "Bravo.txt").boundingBox()).toEqual(at);
  expect(await names(page)).toEqual(["Documents", "Empty", "Photos", "alpha.txt", "Bravo.txt", "éclair.txt", "file 3.txt", "file 10.txt"]);
});

test("one's own changes are not doubled", async ({ page }) => {
  await watched(page, () => open(page));
  await menu(page, "alpha.txt", "Duplicate");
  await expect(toast(page)).toContainText("copied");
  await row(page, "Bravo.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("beta");
  await page.keyboard.press("Enter");
  await expect(toast(page)).toContainText("renamed");
  const expected = ["Documents", "Empty", "Photos", "alpha.txt", "alpha (2).txt", "beta.txt", "éclair.txt", "file 2.txt", "file 10.txt"];
  await expect.poll(async () => (await names(page)).sort()).toEqual([...expected].sort());
});

test("a folder that goes away says so, with a way up", async ({ page, tree }) => {
  await watched(page, () => open(page, "Documents"));
  await rm(tree.at("Documents"), { recursive: true });
  await expect(page.locator(".panel").getByRole("alert")).toContainText("There is nothing here");
  await page.locator(".panel").getByRole("link").first().click();
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expect(row(page, "Documents")).toHaveCount(0);
});

test("what happened while nobody looked is there when somebody looks again", async ({ page, tree }) => {
  await watched(page, () => open(page));
  const look = (state: string) =>
    page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  await look("hidden");
  await tree.write("meanwhile.txt", "1");
  await expect(row(page, "alpha.txt")).toBeVisible();
  await look("visible");
  await expect(row(page, "meanwhile.txt")).toBeVisible();
});

test("a stream that fails is a small word, and comes back by itself", async ({ page, tree }) => {
  await page.route("**/api/v1/events*", (route) => route.fulfill({ status: 503, body: "" }));
  await open(page);
  await expect(page.getByText("Changes by others do not appear by themselves")).toBeVisible({ timeout: 60_000 });
  await expect(row(page, "alpha.txt")).toBeVisible();
  await page.unroute("**/api/v1/events*");
  await expect(page.getByText("Changes by others do not appear by themselves")).toBeHidden({ timeout: 60_000 });
  await tree.write("back.txt", "1");
  await expect(row(page, "back.txt")).toBeVisible();
});

test("a hundred thousand rows take an event in, and stay where they are", async ({ page, tree }) => {
  test.setTimeout(360_000);
  await tree.folder("big");
  for (let index = 0; index < 100_000; index += 1) {
    closeSync(openSync(tree.at(`big/file ${index}.txt`), "w"));
  }
  await open(page, "big");
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", "100001");
  await expect(page.locator(".progress")).toHaveText("", { timeout: 60_000 });
  await row(page, "file 3.txt").click();
  await page.keyboard.type("file 5000");
  await expectFocus(page, "file 5000.txt");
  const at = await row(page, "file 5000.txt").boundingBox();
  await tree.write("big/a first one.txt", "1");
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", "100002", { timeout: 60_000 });
  await expectFocus(page, "file 5000.txt");
  expect(await row(page, "file 5000.txt").boundingBox()).toEqual(at);
  await page.keyboard.press("ArrowDown");
  await expectFocus(page, "file 5001.txt");
});
