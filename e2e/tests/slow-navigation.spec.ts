//! While a folder loads slowly, commands act on nothing: the rows are still those of the folder before.

import { existsSync } from "node:fs";
import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { expectOnDisk, menu, toast } from "../helpers/changes.ts";
import { createSampleFiles, open, row } from "../helpers/page.ts";

/** The wait after which the page draws grey bars in place of the rows. */
const SKELETON_MILLISECONDS = 150;

test.beforeEach(async ({ tree, page }) => {
  await createSampleFiles(tree);
  await tree.write("Documents/alpha.txt", "of Documents");
  await open(page);
  // The buttons appear once the page knows the rights.
  await expect(page.getByRole("button", { name: "New folder" }).first()).toBeAttached();
});

/** Holds the listing of a folder back until the returned function runs. */
async function holdListing(page: Page, folder: string): Promise<() => void> {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route(`**/api/v1/list/${folder}*`, async (route) => {
    await held;
    await route.continue();
  });
  return release;
}

test("no key, click or menu acts on the rows of the former folder", async ({ page, tree }) => {
  const changes: string[] = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().includes("/api/v1/changes")) {
      changes.push(request.postData() ?? "");
    }
  });
  // The grey bars would hide the rows: this test is about the moments before.
  await page.evaluate((wait) => {
    const timer = window.setTimeout.bind(window);
    window.setTimeout = ((act: () => void, time?: number) => (time === wait ? 0 : timer(act, time))) as typeof window.setTimeout;
  }, SKELETON_MILLISECONDS);
  const release = await holdListing(page, "Documents");
  await row(page, "Documents").dblclick();
  await expect(page).toHaveTitle(/^Documents/);
  await expect(row(page, "Documents")).toHaveAttribute("aria-selected", "false");
  await row(page, "alpha.txt").click();
  await expect(row(page, "alpha.txt")).toHaveAttribute("aria-selected", "false");
  for (const key of ["Delete", "F2", "Control+x", "Shift+F10", "Control+a", "Delete"]) {
    await page.keyboard.press(key);
  }
  await row(page, "alpha.txt").click({ button: "right" });
  await expect(page.getByRole("menu")).toHaveCount(0);
  await expect(page.locator("#rename")).toHaveCount(0);
  release();
  await expect(row(page, "Budget.ods")).toBeVisible();
  await expect(page.locator(".row[aria-selected=true]")).toHaveCount(0);
  expect(changes).toEqual([]);
  expect(existsSync(tree.at("Documents")) && existsSync(tree.at("alpha.txt"))).toBe(true);
  await row(page, "alpha.txt").click();
  await page.keyboard.press("Delete");
  await expectOnDisk(tree, "Documents/alpha.txt", false);
  await expectOnDisk(tree, "alpha.txt");
});

test("navigation ends the selection, the menu and the dialogs", async ({ page, tree }) => {
  await row(page, "Documents").dblclick();
  await expect(row(page, "Budget.ods")).toBeVisible();
  await menu(page, "Budget.ods", "Move to…");
  await expect(page.locator("dialog.folders")).toBeVisible();
  await page.goBack();
  await expect(page.locator("dialog.folders")).not.toBeVisible();
  await expect(page.locator(".row[aria-selected=true]")).toHaveCount(0);
  await row(page, "alpha.txt").click({ button: "right" });
  await page.goForward();
  await expect(row(page, "Budget.ods")).toBeVisible();
  await expect(page.getByRole("menu")).toHaveCount(0);
  await expectOnDisk(tree, "Documents/Budget.ods");
});

test("a folder that cannot be shown has no commands, but a link to the trash", async ({ page, faults }) => {
  faults.expectFailedLoads(404);
  await open(page, "nothing");
  await expect(page.locator(".panel").getByRole("alert")).toBeVisible();
  await expect(page.getByRole("button", { name: "New folder" })).toHaveCount(0);
  await page.getByRole("link", { name: "Trash" }).first().click();
  await expect(page).toHaveURL(/view=trash$/);
  await expect(page.getByText("The trash is empty").first()).toBeVisible();
  await expect(toast(page)).toHaveCount(0);
});

for (const leave of ["Cancel", "Close", "breadcrumb", "Move here"]) {
  test(`"${leave}" makes no folder in the folder picker`, async ({ page, tree }) => {
    await menu(page, "Bravo.txt", "Move to…");
    await page.locator(".folder-line").filter({ hasText: "Documents" }).click();
    await expect(page.locator(".folder-none")).toBeVisible();
    await page.locator("dialog.folders").getByRole("button", { name: "New folder" }).click();
    await page.locator("#chooser-name").fill("unwanted");
    const dialog = page.locator("dialog.folders");
    await (leave === "breadcrumb" ? dialog.locator(".crumb").first() : dialog.getByRole("button", { name: leave })).click();
    await expect(page.locator("#chooser-name")).toHaveCount(0);
    if (leave === "Move here") {
      await expectOnDisk(tree, "Documents/Bravo.txt");
    }
    // A change that was requested before is made before this one.
    await page.keyboard.press("Escape");
    await page.locator("#main").focus();
    await row(page, "file 2.txt").click();
    await page.keyboard.press("Delete");
    await expectOnDisk(tree, "file 2.txt", false);
    expect(existsSync(tree.at("Documents/unwanted")) || existsSync(tree.at("unwanted"))).toBe(false);
  });
}

test("the button beside the field makes the folder", async ({ page, tree }) => {
  await menu(page, "Bravo.txt", "Move to…");
  await page.locator("dialog.folders").getByRole("button", { name: "New folder" }).click();
  await page.locator("#chooser-name").fill("wanted");
  await page.locator(".folder-new").getByRole("button", { name: "Create" }).click();
  await page.locator("dialog.folders").getByRole("button", { name: "Move here" }).click();
  await expectOnDisk(tree, "wanted/Bravo.txt");
});
