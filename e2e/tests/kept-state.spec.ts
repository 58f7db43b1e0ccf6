//! What the page keeps: the sort order of a folder, the name that the user types, the truth about the connection.

import { rename } from "node:fs/promises";

import { expect, test } from "../fixtures.ts";
import { expectOnDisk, toast } from "../helpers/changes.ts";
import { createSampleFiles, open, row } from "../helpers/page.ts";

test.beforeEach(async ({ tree, page }) => {
  await createSampleFiles(tree);
  await open(page);
  // The buttons appear once the page knows the rights.
  await expect(page.getByRole("button", { name: "New folder" }).first()).toBeAttached();
});

test("the order of a folder comes back by a link, by Back and after a reload, and is no other folder's", async ({ page }) => {
  const header = (name: string) => page.getByRole("columnheader", { name });
  await row(page, "Documents").dblclick();
  await expect(row(page, "Budget.ods")).toBeVisible();
  await header("Size").getByRole("button").click();
  await expect(header("Size")).toHaveAttribute("aria-sort", "descending");
  const isSorted = async () => {
    await expect(header("Size")).toHaveAttribute("aria-sort", "descending");
    await expect(row(page, "Budget.ods")).toHaveAttribute("aria-rowindex", "2");
  };
  await page.goBack();
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expect(header("Name")).toHaveAttribute("aria-sort", "ascending");
  await page.goForward();
  await isSorted();
  await page.locator(".breadcrumb a").first().click();
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expect(header("Name")).toHaveAttribute("aria-sort", "ascending");
  await page.locator(".sidebar").getByRole("link", { name: "Documents" }).click();
  await isSorted();
  await page.reload();
  await isSorted();
  await open(page, "Empty");
  await expect(page.locator(".panel")).toBeVisible();
  await open(page, "Documents");
  await isSorted();
});

test("the name field stays when another person renames the entry", async ({ page, tree, faults }) => {
  // The page asks about the entry once the field is gone.
  faults.expectFailedLoads(404);
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.locator("#rename").fill("mine.txt");
  await rename(tree.at("alpha.txt"), tree.at("theirs.txt"));
  await expect(row(page, "theirs.txt")).toBeVisible();
  await expect(page.locator("#rename")).toHaveValue("mine.txt");
  await expect(page.locator("#rename")).toBeFocused();
  // The folder is read again, and the newer list lacks the entry.
  const read = page.waitForResponse("**/api/v1/list/*");
  await page.evaluate(() => window.dispatchEvent(new Event("offline")));
  await (await read).finished();
  await expect(page.getByText("No connection to the server")).toBeHidden();
  await expect(page.locator("#rename")).toHaveValue("mine.txt");
  await page.keyboard.press("Enter");
  await expect(toast(page)).toContainText("alpha.txt");
  await expect(row(page, "alpha.txt")).toHaveCount(0);
  await expect(row(page, "mine.txt")).toHaveCount(0);
  await expect(page).toHaveURL(/\/$/);
  await expectOnDisk(tree, "theirs.txt");
});

test("the banner leaves once the server answers, whatever the browser reports", async ({ page, faults }) => {
  faults.expectFailedLoads("ERR_FAILED");
  const banner = page.getByText("No connection to the server");
  await page.route("**/api/v1/list/*", (route) => route.abort());
  await page.evaluate(() => window.dispatchEvent(new Event("offline")));
  await expect(banner).toBeVisible();
  await page.unroute("**/api/v1/list/*");
  await expect(banner).toBeHidden();
});

test("rows are dragged onto the trash", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await row(page, "Bravo.txt").click({ modifiers: ["Control"] });
  await row(page, "Bravo.txt").dragTo(page.locator(".sidebar").getByRole("link", { name: "Trash" }));
  await expect(toast(page)).toContainText("2 items moved to trash");
  await expectOnDisk(tree, "alpha.txt", false);
  await expectOnDisk(tree, "Bravo.txt", false);
  await expect(page).toHaveURL(/\/$/);
});
