//! The list by keyboard alone: moving, selecting, opening, leaving, type-ahead.

import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { download, expectFocus, createSampleFiles, open, row } from "../helpers/page.ts";

test.beforeEach(async ({ tree, page }) => {
  await createSampleFiles(tree);
  await open(page);
  await expect(row(page, "Documents")).toBeVisible();
});

/** The selected names, sorted. */
const selected = (page: Page) =>
  expect.poll(() => page.locator(".row.selected .name").allTextContents().then((names) => names.sort()));

/** Stops the page's clock. The result moves it on by milliseconds: a slow machine types no slower. */
async function stopClock(page: Page) {
  await page.evaluate(() => {
    const stopped = performance.now();
    performance.now = () => stopped;
  });
  return (milliseconds: number) =>
    page.evaluate((passed) => {
      const later = performance.now() + passed;
      performance.now = () => later;
    }, milliseconds);
}

test("keys open and leave folders, move to the ends, and find names", async ({ page }) => {
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
  const pass = await stopClock(page);
  await page.keyboard.type("ec");
  await expectFocus(page, "éclair.txt");
  await pass(600);
  await page.keyboard.type("file 1");
  await expectFocus(page, "file 10.txt");
  await pass(600);
  await page.keyboard.type("ph");
  await page.keyboard.press("Enter");
  await expectFocus(page, "Été");
  await page.keyboard.press("Alt+ArrowUp");
  await expectFocus(page, "Photos");
  // A headless browser does not handle Alt+←.
  await page.goBack();
  await expectFocus(page, "Été");
});

test("keys extend, keep, toggle, complete and clear the selection", async ({ page }) => {
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

test("one Tab enters the list, and the next one leaves it", async ({ page }) => {
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Shift+Tab");
  await expect(page.getByRole("button", { name: "Modified" })).toBeFocused();
  await page.keyboard.press("Tab");
  await expectFocus(page, "Documents");
  await expect(page.locator('.row[tabindex="0"]')).toHaveCount(1);
});

test("the skip link focuses the list", async ({ page }) => {
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the list" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expectFocus(page, "Documents");
});

test("the shortcuts open with ?, close with Escape, and restore the focus", async ({ page }) => {
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(dialog.getByRole("button", { name: "Close" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expectFocus(page, "Documents");
});

/** The id of the focused element when the page handles the key after this one, if no frame comes before. */
async function focusedAfter(page: Page, key: string, ctrlKey: boolean): Promise<string | undefined> {
  return page.evaluate(async (init) => {
    window.requestAnimationFrame = () => 0;
    document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { ...init, bubbles: true, cancelable: true }));
    // The next key is handled in a task of its own.
    const task = new MessageChannel();
    await new Promise((done) => {
      task.port1.onmessage = done;
      task.port2.postMessage(null);
    });
    return document.activeElement?.id;
  }, { key, ctrlKey });
}

test("after Ctrl F on a selection, the next key is for the filter", async ({ page }) => {
  await row(page, "alpha.txt").click();
  await expect(page.locator(".row.selected")).toHaveCount(1);
  expect(await focusedAfter(page, "f", true)).toBe("filter");
});

test("after an arrow key, the next key finds the focus in the row", async ({ page }) => {
  await page.keyboard.press("ArrowDown");
  await expectFocus(page, "Documents");
  const next = await row(page, "Empty").getAttribute("id");
  expect(await focusedAfter(page, "ArrowDown", false)).toBe(next);
});

test("a file is downloaded by keyboard alone", async ({ page }) => {
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
