//! The list by mouse and by touch.

import { expect, test } from "../fixtures.ts";
import { createSampleFiles, open, row } from "../helpers/page.ts";

test.beforeEach(async ({ tree }) => createSampleFiles(tree));

test("a click selects, Ctrl adds, Shift selects a range, and checkboxes toggle", async ({ page }) => {
  await open(page);
  const count = page.locator(".row.selected");
  await row(page, "alpha.txt").click();
  await expect(count).toHaveCount(1);
  await row(page, "Documents").click({ modifiers: ["Control"] });
  await expect(count).toHaveCount(2);
  await row(page, "Photos").click({ modifiers: ["Shift"] });
  await expect(count).toHaveCount(3);
  await row(page, "Bravo.txt").getByRole("checkbox").click();
  await expect(count).toHaveCount(4);
  await expect(page.getByText("4 items selected · 3.0 kB, folders not counted").first()).toBeVisible();
  await page.getByRole("checkbox", { name: "Select all" }).click();
  await expect(count).toHaveCount(8);
  await page.getByRole("button", { name: "Clear selection" }).first().click();
  await expect(count).toHaveCount(0);
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test("a tap opens a folder, and the bottom bar leads to its parent", async ({ page }) => {
    await open(page);
    await row(page, "Photos").tap();
    await expect(page).toHaveURL(/path=Photos$/);
    await page.getByRole("button", { name: "Up", exact: true }).tap();
    await expect(row(page, "Photos")).toBeFocused();
  });

  test("a long press selects, further taps add, and the bar counts the selection", async ({ page }) => {
    await open(page);
    const box = (await row(page, "alpha.txt").boundingBox())!;
    const finger = await page.context().newCDPSession(page);
    const at = { x: box.x + 120, y: box.y + box.height / 2 };
    await finger.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [at] });
    await expect(row(page, "alpha.txt")).toHaveAttribute("aria-selected", "true");
    await finger.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    await expect(row(page, "alpha.txt")).toHaveAttribute("aria-selected", "true");
    await row(page, "Bravo.txt").tap();
    await expect(page.locator(".bottombar")).toContainText("2 items selected");
    await expect(page.locator(".bottombar").getByRole("button", { name: "Download" })).toBeVisible();
  });

  test("a sheet changes the order", async ({ page }) => {
    await open(page);
    await page.getByRole("button", { name: "Sort" }).tap();
    await page.getByRole("radio", { name: "Size" }).check();
    await page.getByRole("radio", { name: "Descending" }).check();
    await page.getByRole("button", { name: "Close" }).tap();
    await expect(page.locator('.row[aria-rowindex="5"]')).toContainText("Bravo.txt");
  });

  test("nothing is wider than the screen, down to 320 pixels", async ({ page }) => {
    await page.setViewportSize({ width: 320, height: 640 });
    await open(page);
    await expect(row(page, "alpha.txt")).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  });
});
