//! Handlers that run after their view is gone: none of them may stop the program of the page. The fixture `faults` fails a
//! test in which one does.

import { expect, test } from "../fixtures.ts";
import { menu, toast } from "../helpers/changes.ts";
import { createSampleFiles, open, row } from "../helpers/page.ts";

test.beforeEach(async ({ tree, page }) => {
  await createSampleFiles(tree);
  await open(page);
  // The buttons appear once the page knows the rights.
  await expect(page.getByRole("button", { name: "New folder" }).first()).toBeAttached();
});

/** Runs some program code: after a trap, the browser reports an error for it. */
async function expectAlive(page: import("@playwright/test").Page): Promise<void> {
  await page.keyboard.press("?");
  await expect(page.locator("dialog.shortcuts")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.locator("dialog.shortcuts")).not.toBeVisible();
}

for (const key of ["Escape", "Enter"]) {
  test(`renaming ends with ${key}`, async ({ page }) => {
    await row(page, "alpha.txt").click();
    await page.keyboard.press("F2");
    await page.keyboard.press(key);
    await expect(page.locator("#rename")).toHaveCount(0);
    await expectAlive(page);
  });

  test(`the field for a new folder in the folder picker ends with ${key}`, async ({ page }) => {
    await menu(page, "alpha.txt", "Move to…");
    await page.getByRole("button", { name: "New folder" }).last().click();
    await page.locator("#chooser-name").press(key);
    await expect(page.locator("#chooser-name")).toHaveCount(0);
    await page.keyboard.press("Escape");
    await expect(page.locator("dialog.folders")).not.toBeVisible();
    await page.locator("#main").focus();
    await expectAlive(page);
  });
}

test("the user leaves the trash before its list arrives", async ({ page }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/api/v1/trash*", async (route) => {
    await held;
    await route.continue();
  });
  await page.getByRole("link", { name: "Trash" }).first().click();
  await expect(page).toHaveURL(/view=trash$/);
  await page.goBack();
  await expect(row(page, "alpha.txt")).toBeVisible();
  const arrived = page.waitForResponse("**/api/v1/trash*");
  release();
  await (await arrived).finished();
  await expectAlive(page);
});

test("a download is cancelled after the button that started it is gone", async ({ page }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/api/v1/archive*", async (route) => {
    await held;
    await route.abort();
  });
  await menu(page, "Documents", "Download");
  await page.keyboard.press("Escape");
  await expect(page.locator(".selection")).toHaveCount(0);
  await toast(page).getByRole("button", { name: "Cancel" }).click();
  await expect(toast(page)).toHaveCount(0);
  release();
  await expectAlive(page);
});

test("a menu outlives the list that it was opened in", async ({ page, tree }) => {
  await row(page, "Empty").dblclick();
  await expect(page).toHaveTitle(/^Empty/);
  await tree.write("Empty/one.txt", "1");
  await row(page, "one.txt").click({ button: "right" });
  await expect(page.getByRole("menu")).toBeVisible();
  const { rm } = await import("node:fs/promises");
  await rm(tree.at("Empty/one.txt"));
  await expect(page.locator(".panel")).toBeVisible();
  await page.keyboard.press("Escape");
  await page.mouse.click(5, 5);
  await expect(page.getByRole("menu")).toHaveCount(0);
  await page.locator("#main").focus();
  await expectAlive(page);
});
