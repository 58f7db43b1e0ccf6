//! The context menus of the list by mouse, keyboard and touch: they fit the window and start no action by accident.

import type { Locator, Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { expectOnDisk, menu, toast } from "../helpers/changes.ts";
import { expectAccessible, expectFocus, createSampleFiles, open, row } from "../helpers/page.ts";
import { filePicker } from "../helpers/uploads.ts";

test.beforeEach(async ({ tree, page }) => {
  await createSampleFiles(tree);
  await open(page);
  await expect(row(page, "alpha.txt")).toBeVisible();
  // The buttons appear once the page knows the rights.
  await expect(page.getByRole("button", { name: "New folder" }).first()).toBeAttached();
});

function box(page: Page): Locator {
  return page.getByRole("menu", { name: "Actions" });
}

async function openMenu(page: Page, name: string): Promise<void> {
  await row(page, name).click({ button: "right" });
  await expect(box(page).getByRole("menuitem").first()).toBeFocused();
}

/** Expects the menu to be within the window, with each item on one line. */
async function expectInViewport(page: Page): Promise<void> {
  await expect(box(page)).toBeVisible();
  const { width, height } = page.viewportSize()!;
  await expect
    .poll(async () => {
      const it = (await box(page).boundingBox())!;
      return it.x >= 0 && it.y >= 0 && it.x + it.width <= width && it.y + it.height <= height;
    })
    .toBe(true);
  const lines = await box(page).getByRole("menuitem").evaluateAll((lines) =>
    lines.map((line) => {
      const words = document.createRange();
      words.selectNodeContents(line.querySelector("span")!);
      return { text: line.textContent, rows: words.getClientRects().length, cut: line.scrollWidth > line.clientWidth };
    }),
  );
  expect(lines.filter(({ rows, cut }) => rows !== 1 || cut)).toEqual([]);
}

test("Escape closes only the menu and returns the focus to the row", async ({ page }) => {
  await openMenu(page, "alpha.txt");
  await page.keyboard.press("Escape");
  await expect(box(page)).toHaveCount(0);
  await expectFocus(page, "alpha.txt");
  await expect(row(page, "alpha.txt")).toHaveAttribute("aria-selected", "true");
  // The second Escape clears the selection of the list.
  await page.keyboard.press("Escape");
  await expect(row(page, "alpha.txt")).toHaveAttribute("aria-selected", "false");
});

test("the arrow keys move through a menu opened by the mouse", async ({ page, tree }) => {
  await openMenu(page, "alpha.txt");
  await page.keyboard.press("End");
  await expect(box(page).getByRole("menuitem", { name: "Delete forever" })).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await expectOnDisk(tree, "alpha.txt", false);
  await expect(toast(page)).toContainText("moved to trash");
});

test("a click beside the menu only closes it, and the next click selects", async ({ page }) => {
  await openMenu(page, "alpha.txt");
  const other = (await row(page, "Documents").boundingBox())!;
  await page.mouse.click(other.x + 300, other.y + 10);
  await expect(box(page)).toHaveCount(0);
  await expectFocus(page, "alpha.txt");
  await expect(row(page, "alpha.txt")).toHaveAttribute("aria-selected", "true");
  await page.mouse.click(other.x + 300, other.y + 10);
  await expect(row(page, "Documents")).toHaveAttribute("aria-selected", "true");
  await expectFocus(page, "Documents");
});

test("a right click on another row after the menu closed opens the menu of that row", async ({ page }) => {
  await openMenu(page, "alpha.txt");
  await page.keyboard.press("Tab");
  await expect(box(page)).toHaveCount(0);
  await openMenu(page, "Bravo.txt");
  await expect(row(page, "Bravo.txt")).toHaveAttribute("aria-selected", "true");
  await expect(row(page, "alpha.txt")).toHaveAttribute("aria-selected", "false");
});

for (const lang of ["en", "fr"]) {
  test(`the menu fits the window wherever it opens: ${lang}`, async ({ page, tree }) => {
    for (let number = 0; number < 30; number += 1) {
      await tree.write(`many/${String(number).padStart(2, "0")}.txt`, "x");
    }
    await page.evaluate((lang) => localStorage.setItem("passerelle.lang", lang), lang);
    await open(page, "many");
    await expect(row(page, "00.txt")).toBeVisible();
    const port = (await page.locator(".port").boundingBox())!;
    for (const [x, y] of [[0.5, 0.05], [0.5, 0.5], [0.5, 0.97], [0.98, 0.05], [0.98, 0.97]] as const) {
      await page.mouse.click(port.x + port.width * x, port.y + port.height * y, { button: "right" });
      await expectInViewport(page);
      await page.keyboard.press("Escape");
      await expect(page.getByRole("menu")).toHaveCount(0);
    }
    // By keyboard, on the last row in sight.
    await row(page, "12.txt").focus();
    await page.keyboard.press("Shift+F10");
    await expectInViewport(page);
    await page.keyboard.press("Escape");
    // In a window lower than the menu, the menu scrolls.
    await page.setViewportSize({ width: 1280, height: 360 });
    await row(page, "00.txt").click({ button: "right" });
    await expectInViewport(page);
    await page.keyboard.press("End");
    await expect(page.getByRole("menuitem").last()).toBeInViewport();
    await page.setViewportSize({ width: 1280, height: 800 });
    await expectInViewport(page);
  });
}

test("the empty space below the rows has a folder menu, and a click on it clears the selection", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  const port = (await page.locator(".port").boundingBox())!;
  const empty = { x: port.x + port.width / 2, y: port.y + port.height - 10 };
  await page.mouse.click(empty.x, empty.y);
  await expect(row(page, "alpha.txt")).toHaveAttribute("aria-selected", "false");
  // The list still handles the keys.
  await page.keyboard.press("ArrowDown");
  await expectFocus(page, "alpha.txt");
  await page.mouse.click(empty.x, empty.y, { button: "right" });
  await expect(page.getByRole("menuitem")).toHaveText(["New folder", "Upload", "Upload folder", "Select allCtrl A", "Refresh"]);
  await expectAccessible(page);
  await expectInViewport(page);
  await filePicker(page, () => page.getByRole("menuitem", { name: "Upload", exact: true }).click());
  await page.mouse.click(empty.x, empty.y, { button: "right" });
  await page.getByRole("menuitem", { name: "New folder" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("Plans");
  await page.keyboard.press("Enter");
  await expectOnDisk(tree, "Plans");
  await menu(page, "alpha.txt", "Copy");
  await open(page, "Empty");
  await page.locator(".panel").click({ button: "right", position: { x: 5, y: 5 } });
  await expect(page.getByRole("menuitem", { name: "New folder" })).toBeVisible();
});

test("keys in the trash never act on the folder shown before", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await page.getByRole("link", { name: "Trash" }).first().click();
  await expect(page.getByRole("heading", { name: "Trash", exact: true })).toBeVisible();
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  for (const key of ["Delete", "Shift+Delete", "F2", "Control+x", "Control+c"]) {
    await page.keyboard.press(key);
  }
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(toast(page)).toHaveCount(0);
  await page.goBack();
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expectOnDisk(tree, "alpha.txt");
});

test("entries that could not be pasted stay cut", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await page.keyboard.press("Control+x");
  await openByRow(page, "Empty");
  const failed = { result: "failed", code: "no_space", message: "full" };
  const progress = { entries: 0, entries_total: 1, bytes: 0, bytes_total: 0 };
  const job = { id: "0".repeat(32), state: "done", version: 1, progress, outcomes: [failed] };
  await page.route("**/api/v1/changes", (route) => route.fulfill({ json: job }), { times: 1 });
  await page.keyboard.press("Control+v");
  await expect(page.locator(".toasts").getByRole("alert")).toContainText("The server’s disk is full");
  await page.getByRole("button", { name: "Paste" }).click();
  await expectOnDisk(tree, "Empty/alpha.txt");
  await expectOnDisk(tree, "alpha.txt", false);
  await expect(page.getByRole("button", { name: "Paste" })).toHaveCount(0);
});

async function openByRow(page: Page, name: string): Promise<void> {
  await row(page, name).dblclick();
  await expect(page).toHaveURL(new RegExp(`path=${name}$`));
  await expect(page.locator(".panel")).toBeVisible();
}

test.describe("by touch", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test("a long press selects, and a tap beside the sheet only closes it", async ({ page }) => {
    const at = (await row(page, "alpha.txt").boundingBox())!;
    const finger = await page.context().newCDPSession(page);
    const touch = { x: at.x + 120, y: at.y + at.height / 2 };
    await finger.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [touch] });
    await expect(row(page, "alpha.txt")).toHaveAttribute("aria-selected", "true");
    await finger.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    await expect(box(page)).toHaveCount(0);
    await page.getByRole("button", { name: "More" }).tap();
    await expectInViewport(page);
    await expectAccessible(page);
    const folder = (await row(page, "Documents").boundingBox())!;
    await page.touchscreen.tap(folder.x + 150, folder.y + 20);
    await expect(box(page)).toHaveCount(0);
    await expect(row(page, "alpha.txt")).toHaveAttribute("aria-selected", "true");
    await expect(row(page, "Documents")).toHaveAttribute("aria-selected", "false");
    expect(new URL(page.url()).search).toBe("");
  });
});
