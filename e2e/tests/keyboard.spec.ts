//! Everything by keyboard alone: moving, selecting, opening, leaving, finding by first letters.

import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { download, expectFocus, furnish, open, row } from "./page.ts";

test.beforeEach(async ({ tree, page }) => {
  await furnish(tree);
  await open(page);
  await expect(row(page, "Documents")).toBeVisible();
});

/** The names that are selected, sorted. */
const selected = (page: Page) =>
  expect.poll(() => page.locator(".row.selected .name").allTextContents().then((names) => names.sort()));

test("a walk: in, out, to the ends, by letters", async ({ page }) => {
  await page.keyboard.press("ArrowDown");
  await expectFocus(page, "Documents");
  await page.keyboard.press("Enter");
  await expectFocus(page, "Budget.ods");
  await page.keyboard.press("Backspace");
  await expectFocus(page, "Documents");
  await page.keyboard.press("End");
  await expectFocus(page, "file 10.txt");
  await page.keyboard.press("Home");
  await expectFocus(page, "Documents");
  await page.keyboard.press("PageDown");
  await expectFocus(page, "file 10.txt");
  await page.keyboard.type("ec");
  await expectFocus(page, "éclair.txt");
  await page.waitForTimeout(600);
  await page.keyboard.type("file 1");
  await expectFocus(page, "file 10.txt");
  await page.waitForTimeout(600);
  await page.keyboard.type("ph");
  await page.keyboard.press("Enter");
  await expectFocus(page, "Été");
  await page.keyboard.press("Alt+ArrowUp");
  await expectFocus(page, "Photos");
  // Alt+← is the browser's own, and a headless one has no such keys.
  await page.goBack();
  await expectFocus(page, "Été");
});

test("selection: extend, move without selecting, toggle, all, none", async ({ page }) => {
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Shift+ArrowDown");
  await selected(page).toEqual(["Documents", "Empty", "Photos"]);
  await page.keyboard.press("Shift+ArrowUp");
  await selected(page).toEqual(["Documents", "Empty"]);
  await page.keyboard.press("Control+ArrowDown");
  await page.keyboard.press("Control+ArrowDown");
  await expectFocus(page, "alpha.txt");
  await page.keyboard.press("Control+Space");
  await selected(page).toEqual(["Documents", "Empty", "alpha.txt"]);
  await page.keyboard.press("Control+Shift+End");
  await selected(page).toHaveLength(7);
  await page.keyboard.press("Control+a");
  await expect(page.getByText("8 items selected").first()).toBeVisible();
  await page.keyboard.press("Escape");
  await selected(page).toEqual([]);
});

test("one Tab leads to the list, the next ones past it and never through every row", async ({ page }) => {
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Shift+Tab");
  await expect(page.getByRole("button", { name: "Modified" })).toBeFocused();
  await page.keyboard.press("Tab");
  await expectFocus(page, "Documents");
  await expect(page.locator('.row[tabindex="0"]')).toHaveCount(1);
});

test("the skip link leads to the list", async ({ page }) => {
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the list" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expectFocus(page, "Documents");
});

test("the shortcuts open with ?, close with Escape, and give the focus back", async ({ page }) => {
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(dialog.getByRole("button", { name: "Close" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expectFocus(page, "Documents");
});

test("a file is downloaded without a pointer", async ({ page }) => {
  await page.keyboard.type("alpha");
  await expectFocus(page, "alpha.txt");
  const button = page.getByRole("button", { name: "Download" }).first();
  const { data } = await download(page, async () => {
    for (let presses = 0; presses < 30 && !(await button.evaluate((it) => it === document.activeElement)); presses += 1) {
      await page.keyboard.press("Shift+Tab");
    }
    await page.keyboard.press("Enter");
  });
  expect(data.toString()).toBe("a".repeat(10));
});
