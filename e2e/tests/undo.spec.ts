//! Undo and redo of each change by keyboard and by button, without undoing the work of others.

import { appendFile, readFile, rename } from "node:fs/promises";

import { expect, test } from "../fixtures.ts";
import { expectOnDisk, holdChanges, menu, toast } from "../helpers/changes.ts";
import { expectFocus, createSampleFiles, open, row } from "../helpers/page.ts";

test.beforeEach(async ({ tree, page }) => {
  await createSampleFiles(tree);
  await open(page);
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expect(page.getByRole("button", { name: "New folder" }).first()).toBeAttached();
});

test("a rename is undone and redone", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expectOnDisk(tree, "zulu.txt");
  await expect(toast(page)).toContainText("is now");
  await page.keyboard.press("Control+z");
  await expect(toast(page)).toContainText("Rename undone");
  await expectOnDisk(tree, "alpha.txt");
  await expectFocus(page, "alpha.txt");
  await page.keyboard.press("Control+Shift+Z");
  await expect(toast(page)).toContainText("Rename redone");
  await expectOnDisk(tree, "zulu.txt");
  await page.getByRole("banner").getByRole("button", { name: "Undo" }).click();
  await expectOnDisk(tree, "alpha.txt");
});

test("several changes of one file are undone in turn, although each changes its entity tag", async ({ page, tree }) => {
  for (const name of ["one", "two", "three"]) {
    await page.keyboard.press("F2");
    await page.getByRole("textbox", { name: "New name" }).fill(`${name}.txt`);
    await page.keyboard.press("Enter");
    await expect(toast(page)).toContainText(`is now “${name}.txt”`);
    await expectFocus(page, `${name}.txt`);
  }
  await expectOnDisk(tree, "three.txt");
  for (const name of ["two.txt", "one.txt", "Documents"]) {
    await page.keyboard.press("Control+z");
    await expectOnDisk(tree, name);
    await expect(toast(page)).toContainText("Rename undone");
  }
  for (const name of ["one.txt", "two.txt", "three.txt"]) {
    await page.keyboard.press("Control+Shift+Z");
    await expectOnDisk(tree, name);
  }
});

test("a new folder, a copy and a move to the trash are each undone and redone", async ({ page, tree }) => {
  await page.getByRole("button", { name: "New folder" }).first().click();
  await page.keyboard.press("Enter");
  await expectOnDisk(tree, "New folder");
  await page.keyboard.press("Control+z");
  await expectOnDisk(tree, "New folder", false);
  await page.keyboard.press("Control+y");
  await expectOnDisk(tree, "New folder");

  await menu(page, "alpha.txt", "Duplicate");
  await expectOnDisk(tree, "alpha (2).txt");
  await page.keyboard.press("Control+z");
  await expectOnDisk(tree, "alpha (2).txt", false);
  await expect(row(page, "alpha (2).txt")).toHaveCount(0);

  await row(page, "Photos").click();
  await page.keyboard.press("Delete");
  await expectOnDisk(tree, "Photos", false);
  await page.keyboard.press("Control+z");
  await expectOnDisk(tree, "Photos/Été/IMG_2.jpg");
  await page.keyboard.press("Control+Shift+Z");
  await expectOnDisk(tree, "Photos", false);
});

test("undo and redo pressed before the server answered run in order", async ({ page, tree }) => {
  const release = await holdChanges(page);
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expect(row(page, "zulu.txt")).toBeVisible();
  for (const key of ["Control+z", "Control+y", "Control+z"]) {
    await page.keyboard.press(key);
  }
  await expect(toast(page)).toContainText("Waiting for the current change to finish.");
  await release();
  await expect(toast(page)).toContainText("is now");
  await release();
  await expect(toast(page)).toContainText("Rename undone");
  await expectOnDisk(tree, "alpha.txt");
  await release();
  await expect(toast(page)).toContainText("Rename redone");
  await expectOnDisk(tree, "zulu.txt");
  await release();
  await expect(toast(page)).toContainText("Rename undone");
  await expectOnDisk(tree, "alpha.txt");
  await expectOnDisk(tree, "zulu.txt", false);
  // With nothing left to undo, pressing the keys says so.
  await page.keyboard.press("Control+z");
  await expect(toast(page)).toContainText("There is nothing to undo.");
});

test("undo restores a file from the trash even before the server answered, by keyboard and by button", async ({ page, tree }) => {
  const release = await holdChanges(page);
  await row(page, "Bravo.txt").click();
  await page.keyboard.press("Delete");
  await expect(row(page, "Bravo.txt")).toHaveCount(0);
  await page.getByRole("banner").getByRole("button", { name: "Undo" }).click();
  // The last press finds nothing to undo.
  await page.keyboard.press("Control+z");
  await release();
  await expectOnDisk(tree, "Bravo.txt", false);
  await release();
  await expectOnDisk(tree, "Bravo.txt");
  await expect(row(page, "Bravo.txt")).toBeVisible();
  await expect(toast(page)).toContainText("There is nothing to undo.");
});

test("a waiting undo applies to the change before it, not to the change after it", async ({ page, tree }) => {
  const release = await holdChanges(page);
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expect(row(page, "zulu.txt")).toBeVisible();
  await page.keyboard.press("Control+z");
  await row(page, "Bravo.txt").click();
  await page.keyboard.press("Delete");
  for (let change = 0; change < 3; change += 1) {
    await release();
  }
  await expectOnDisk(tree, "Bravo.txt", false);
  await expectOnDisk(tree, "alpha.txt");
  await expectOnDisk(tree, "zulu.txt", false);
});

test("a move is undone from another folder", async ({ page, tree }) => {
  await row(page, "alpha.txt").dragTo(row(page, "Empty"));
  await expectOnDisk(tree, "Empty/alpha.txt");
  await row(page, "Documents").dblclick();
  await expect(row(page, "Letter.odt")).toBeVisible();
  await page.keyboard.press("Control+z");
  await expectOnDisk(tree, "alpha.txt");
});

test("undo refuses to touch a file that another user changed, with the reason", async ({ page, tree, faults }) => {
  faults.expectFailedLoads(409);
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expectOnDisk(tree, "zulu.txt");
  await expect(toast(page)).toContainText("is now");
  await appendFile(tree.at("zulu.txt"), " and more");
  await page.keyboard.press("Control+z");
  await expect(page.locator(".toasts").getByRole("alert")).toContainText("Undo failed. “zulu.txt” was not renamed. It has changed in the meantime");
  expect(await readFile(tree.at("zulu.txt"), "utf8")).toContain("and more");
  await expect(row(page, "zulu.txt")).toBeVisible();
  await page.keyboard.press("Control+z");
  await expect(toast(page).filter({ hasText: "There is nothing to undo." })).toBeVisible();
});

test("undo refuses to move a file that another program moved away", async ({ page, tree, faults }) => {
  faults.expectFailedLoads(404);
  await row(page, "alpha.txt").dragTo(row(page, "Empty"));
  await expectOnDisk(tree, "Empty/alpha.txt");
  await expect(toast(page)).toContainText("moved");
  await rename(tree.at("Empty/alpha.txt"), tree.at("Empty/gone.txt"));
  await page.keyboard.press("Control+z");
  await expect(page.locator(".toasts").getByRole("alert")).toContainText("Undo failed.");
});
