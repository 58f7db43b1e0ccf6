//! Undo and redo of each change, by keyboard and by button; and that nobody else's work is taken back.

import { appendFile, readFile, rename } from "node:fs/promises";

import { expect, test } from "../fixtures.ts";
import { expectOnDisk, holdChanges, menu, toast } from "./changing.ts";
import { expectFocus, furnish, open, row } from "./page.ts";

test.beforeEach(async ({ tree, page }) => {
  await furnish(tree);
  await open(page);
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expect(page.getByRole("button", { name: "New folder" }).first()).toBeAttached();
});

test("a rename, there and back and there again", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expectOnDisk(tree, "zulu.txt");
  await expect(toast(page)).toContainText("renamed");
  await page.keyboard.press("Control+z");
  await expect(toast(page)).toContainText("Undone");
  await expectOnDisk(tree, "alpha.txt");
  await expectFocus(page, "alpha.txt");
  await page.keyboard.press("Control+Shift+Z");
  await expect(toast(page)).toContainText("Done again");
  await expectOnDisk(tree, "zulu.txt");
  await page.getByRole("banner").getByRole("button", { name: "Undo" }).click();
  await expectOnDisk(tree, "alpha.txt");
});

test("several changes of one file are undone one after the other, although each gives it another validator", async ({ page, tree }) => {
  for (const name of ["one", "two", "three"]) {
    await page.keyboard.press("F2");
    await page.getByRole("textbox", { name: "New name" }).fill(`${name}.txt`);
    await page.keyboard.press("Enter");
    await expect(toast(page)).toContainText(`“${name}.txt” renamed`);
    await expectFocus(page, `${name}.txt`);
  }
  await expectOnDisk(tree, "three.txt");
  for (const name of ["two.txt", "one.txt", "Documents"]) {
    await page.keyboard.press("Control+z");
    await expectOnDisk(tree, name);
    await expect(toast(page)).toContainText("Undone");
  }
  for (const name of ["one.txt", "two.txt", "three.txt"]) {
    await page.keyboard.press("Control+Shift+Z");
    await expectOnDisk(tree, name);
  }
});

test("a new folder, a copy and the trash, each undone and done again", async ({ page, tree }) => {
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

test("undo and redo that are pressed before the server has answered are done one after the other", async ({ page, tree }) => {
  const letThrough = await holdChanges(page);
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expect(row(page, "zulu.txt")).toBeVisible();
  for (const key of ["Control+z", "Control+y", "Control+z"]) {
    await page.keyboard.press(key);
  }
  await expect(toast(page)).toContainText("This follows once the change under way is done.");
  await letThrough();
  await expect(toast(page)).toContainText("renamed");
  await letThrough();
  await expect(toast(page)).toContainText("Undone");
  await expectOnDisk(tree, "alpha.txt");
  await letThrough();
  await expect(toast(page)).toContainText("Done again");
  await expectOnDisk(tree, "zulu.txt");
  await letThrough();
  await expect(toast(page)).toContainText("Undone");
  await expectOnDisk(tree, "alpha.txt");
  await expectOnDisk(tree, "zulu.txt", false);
  // There is nothing more to take back, and a press says so.
  await page.keyboard.press("Control+z");
  await expect(toast(page)).toContainText("There is nothing to undo.");
});

test("what was just moved to the trash comes back, however early one asks, and by the button too", async ({ page, tree }) => {
  const letThrough = await holdChanges(page);
  await row(page, "Bravo.txt").click();
  await page.keyboard.press("Delete");
  await expect(row(page, "Bravo.txt")).toHaveCount(0);
  await page.getByRole("banner").getByRole("button", { name: "Undo" }).click();
  // One press too many has nothing to do once its turn comes.
  await page.keyboard.press("Control+z");
  await letThrough();
  await expectOnDisk(tree, "Bravo.txt", false);
  await letThrough();
  await expectOnDisk(tree, "Bravo.txt");
  await expect(row(page, "Bravo.txt")).toBeVisible();
  await expect(toast(page)).toContainText("There is nothing to undo.");
});

test("a press that waits is about what was done before it, and not about what is done after it", async ({ page, tree }) => {
  const letThrough = await holdChanges(page);
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expect(row(page, "zulu.txt")).toBeVisible();
  await page.keyboard.press("Control+z");
  await row(page, "Bravo.txt").click();
  await page.keyboard.press("Delete");
  for (let change = 0; change < 3; change += 1) {
    await letThrough();
  }
  await expectOnDisk(tree, "Bravo.txt", false);
  await expectOnDisk(tree, "alpha.txt");
  await expectOnDisk(tree, "zulu.txt", false);
});

test("a move is undone from wherever one is by then", async ({ page, tree }) => {
  await row(page, "alpha.txt").dragTo(row(page, "Empty"));
  await expectOnDisk(tree, "Empty/alpha.txt");
  await row(page, "Documents").dblclick();
  await expect(row(page, "Letter.odt")).toBeVisible();
  await page.keyboard.press("Control+z");
  await expectOnDisk(tree, "alpha.txt");
});

test("what somebody changed meanwhile is not taken back, and the reason is said", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expectOnDisk(tree, "zulu.txt");
  await expect(toast(page)).toContainText("renamed");
  await appendFile(tree.at("zulu.txt"), " and more");
  await page.keyboard.press("Control+z");
  await expect(page.locator(".toasts").getByRole("alert")).toContainText("This cannot be undone any more. It has changed in the meantime");
  expect(await readFile(tree.at("zulu.txt"), "utf8")).toContain("and more");
  await expect(row(page, "zulu.txt")).toBeVisible();
  await page.keyboard.press("Control+z");
  await expect(toast(page).filter({ hasText: "There is nothing to undo." })).toBeVisible();
});

test("what was moved away by others cannot be moved back", async ({ page, tree }) => {
  await row(page, "alpha.txt").dragTo(row(page, "Empty"));
  await expectOnDisk(tree, "Empty/alpha.txt");
  await expect(toast(page)).toContainText("moved");
  await rename(tree.at("Empty/alpha.txt"), tree.at("Empty/gone.txt"));
  await page.keyboard.press("Control+z");
  await expect(page.locator(".toasts").getByRole("alert")).toContainText("This cannot be undone any more");
});
