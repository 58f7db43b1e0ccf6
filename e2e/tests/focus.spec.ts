//! The focus between two frames: a key that the user presses before the next frame finds the focus where it belongs.

import type { Page } from "@playwright/test";

import { expect } from "../fixtures.ts";
import { expectOnDisk, menu, toast } from "../helpers/changes.ts";
import { createSampleFiles, expectFocus, open, row } from "../helpers/page.ts";
import { chooseFiles, panel, test, upload } from "../helpers/uploads.ts";

/** From now on, the page gets no frame. */
const stopFrames = (page: Page) => page.evaluate(() => void (window.requestAnimationFrame = () => 0));

test.describe("with sample files", () => {
  test.beforeEach(async ({ tree, page }) => {
    await createSampleFiles(tree);
    await open(page);
    // The buttons appear once the page knows the rights.
    await expect(page.getByRole("button", { name: "New folder" }).first()).toBeAttached();
  });

  test("the field of the folder picker returns the focus to the folders", async ({ page }) => {
    await menu(page, "alpha.txt", "Move to…");
    await expect(page.locator(".folder-line").first()).toBeFocused();
    await stopFrames(page);
    await page.getByRole("button", { name: "New folder" }).last().click();
    await expect(page.locator("#chooser-name")).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(page.locator(".folder-line").first()).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(page.locator("dialog.folders")).not.toBeVisible();
  });

  test("the first folder has the focus after each step of the folder picker", async ({ page }) => {
    await stopFrames(page);
    await menu(page, "alpha.txt", "Move to…");
    const first = page.locator(".folder-line").first();
    await expect(first).toBeFocused();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await expect(first).toHaveText("Été");
    await expect(first).toBeFocused();
    await page.keyboard.press("Backspace");
    await expect(first).toHaveText("Documents");
    await expect(first).toBeFocused();
  });

  test("keys act on nothing behind a dialog, although the focus is nowhere", async ({ page }) => {
    await row(page, "alpha.txt").click();
    await expectFocus(page, "alpha.txt");
    await page.keyboard.press("?");
    const dialog = page.locator("dialog.shortcuts");
    await expect(dialog.getByRole("button", { name: "Close" })).toBeFocused();
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    for (const key of ["Delete", "Control+a", "F2", "Control+x", "Control+v", "Backspace"]) {
      await page.keyboard.press(key);
    }
    await expect(page.locator(".row.selected")).toHaveCount(1);
    await page.keyboard.press("Escape");
    await expect(dialog).not.toBeVisible();
    await expect(page.locator(".row.cut, #rename, .toast")).toHaveCount(0);
    await expect(row(page, "alpha.txt")).toBeVisible();
    await expectFocus(page, "alpha.txt");
  });

  test("the name of a new folder is typed at once", async ({ page, tree }) => {
    await stopFrames(page);
    await page.getByRole("button", { name: "New folder" }).first().click();
    await page.keyboard.type("Notes");
    await page.keyboard.press("Enter");
    await expectOnDisk(tree, "Notes");
  });

  test("the row has the focus after its name was edited", async ({ page }) => {
    await row(page, "alpha.txt").click();
    await stopFrames(page);
    await page.keyboard.press("F2");
    await expect(page.locator("#rename")).toBeFocused();
    await page.keyboard.press("Escape");
    await expectFocus(page, "alpha.txt");
  });

  test("the row below has the focus after one leaves the trash", async ({ page }) => {
    await row(page, "alpha.txt").click();
    await row(page, "Bravo.txt").click({ modifiers: ["Control"] });
    await page.keyboard.press("Delete");
    await expect(toast(page)).toContainText("2 items moved to trash");
    await page.goto("./?view=trash");
    const rows = page.locator(".trash-rows .trash-row");
    await expect(rows).toHaveCount(2);
    await stopFrames(page);
    await rows.first().click();
    await expect(rows.first()).toBeFocused();
    await page.keyboard.press("ArrowDown");
    await expect(rows.last()).toBeFocused();
    await page.getByRole("button", { name: "Restore" }).press("Enter");
    await expect(rows).toHaveCount(1);
    await expect(rows).toBeFocused();
  });
});

test("the focus stays in the panel when a row disappears right after the panel changed", async ({ page, local }) => {
  await local.write("a.txt", "content");
  await local.write("b.txt", "content");
  await open(page);
  await page.evaluate(() => {
    const watch = new MutationObserver(() => {
      const button = document.querySelector<HTMLElement>("[aria-label='Remove b.txt from the list']:not([hidden])");
      if (button !== null && document.querySelector(".uploads")?.textContent?.includes("all verified")) {
        watch.disconnect();
        button.focus();
        button.click();
      }
    });
    watch.observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true });
  });
  await chooseFiles(page, [local.at("a.txt"), local.at("b.txt")]);
  await expect(upload(page, "b.txt")).toHaveCount(0);
  await expect(upload(page, "a.txt").getByRole("button").first()).toBeFocused();
});

test("the focus stays in the panel when its button disappears", async ({ page, local }) => {
  await local.write("a.txt", "content");
  await local.write("b.txt", "content");
  await page.route("**/api/v1/uploads**", () => {});
  await page.route("**/files/**", () => {});
  await open(page);
  await chooseFiles(page, [local.at("a.txt"), local.at("b.txt")]);
  for (const name of ["a.txt", "b.txt"]) {
    await expect(upload(page, name).getByRole("button", { name: `Pause ${name}` })).toBeVisible();
  }
  await panel(page).getByRole("button", { name: "Pause all" }).press("Enter");
  const resume = panel(page).getByRole("button", { name: "Resume all" });
  await expect(resume).toBeVisible();
  await expect.poll(() => page.evaluate(() => document.activeElement?.closest(".uploads-all") !== null)).toBe(true);
  await panel(page).getByRole("button", { name: "Hide list" }).focus();
  await upload(page, "b.txt").getByRole("button", { name: "Resume b.txt" }).press("Enter");
  await expect(upload(page, "b.txt").getByRole("button", { name: "Pause b.txt" })).toBeFocused();
});
