//! The main paths, in the system's Firefox and in the whole Chromium. Their assertions are about rows and the disk; the
//! tests in the headless shell are about words.
//!
//! Folders are opened by Enter: the driver sends the two clicks of a double click apart from each other.

import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";

import { expect, test as base } from "../fixtures.ts";
import { expectOnDisk, menu } from "../helpers/changes.ts";
import { createSampleFiles, download, expectFocus, names, open, row } from "../helpers/page.ts";

const test = base.extend({
  page: async ({ page }, use) => {
    const errors: string[] = [];
    // The driver reports as an error that the page's policy blocked the style of a screenshot.
    page.on("pageerror", ({ message }) => message.includes("style-src") || errors.push(message));
    await use(page);
    expect(errors).toEqual([]);
  },
});

test.beforeEach(async ({ tree, page }) => {
  await createSampleFiles(tree);
  await open(page);
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expect(page.getByRole("button", { name: "New folder" }).first()).toBeAttached();
});

test("folders open by Enter, and Back and Forward return to them", async ({ page }) => {
  await row(page, "Photos").click();
  await page.keyboard.press("Enter");
  await expect(page).toHaveTitle("Photos – Passerelle");
  await row(page, "Été").click();
  await page.keyboard.press("Enter");
  await expect.poll(() => names(page)).toEqual(["IMG_2.jpg", "IMG_10.jpg"]);
  await page.getByRole("navigation", { name: "Path" }).getByRole("link", { name: "Photos" }).click();
  await expectFocus(page, "Été");
  await page.goBack();
  await expect(row(page, "IMG_2.jpg")).toBeVisible();
  await page.goForward();
  await expect(row(page, "Été")).toBeVisible();
});

test("a folder is sorted and filtered", async ({ page }) => {
  await page.getByRole("button", { name: "Size" }).click();
  await expect.poll(async () => (await names(page)).slice(3, 5)).toEqual(["Bravo.txt", "éclair.txt"]);
  await page.keyboard.press("Control+f");
  await page.keyboard.type("eclair");
  await expect.poll(() => names(page)).toEqual(["éclair.txt"]);
});

test("a file is downloaded byte for byte", async ({ page, tree }) => {
  const data = randomBytes(3_000_000);
  await tree.write("été & co.bin", data);
  await row(page, "été & co.bin").click();
  const file = await download(page, () => page.getByRole("button", { name: "Download" }).first().click());
  expect(file.name).toBe("été & co.bin");
  expect(file.data.equals(data)).toBe(true);
});

test("several entries are downloaded as one archive", async ({ page }) => {
  await row(page, "Documents").click();
  await row(page, "alpha.txt").click({ modifiers: ["Control"] });
  const file = await download(page, () => page.getByRole("button", { name: "Download" }).first().click());
  expect(file.name).toMatch(/\.zip$/);
  expect(file.data.subarray(0, 4).toString("latin1")).toBe("PK\u0003\u0004");
  expect(file.data.includes("Documents/Letter.odt")).toBe(true);
});

test("files of every size are uploaded byte for byte", async ({ page, tree }) => {
  const large = randomBytes(20 << 20);
  const files = [
    { name: "small.txt", mimeType: "text/plain", buffer: Buffer.from("small") },
    { name: "empty.txt", mimeType: "text/plain", buffer: Buffer.alloc(0) },
  ];
  await page.locator("#upload-files").setInputFiles(files);
  await expectOnDisk(tree, "small.txt");
  await expectOnDisk(tree, "empty.txt");
  await writeFile(`${tree.root}.large.bin`, large);
  await page.locator("#upload-files").setInputFiles(`${tree.root}.large.bin`);
  const name = `${tree.root.split("/").at(-1)}.large.bin`;
  await expectOnDisk(tree, name);
  expect((await readFile(tree.at(name))).equals(large)).toBe(true);
});

test("Escape leaves a name as it was, and Enter renames", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("never");
  await page.keyboard.press("Escape");
  await expectFocus(page, "alpha.txt");
  await expectOnDisk(tree, "alpha.txt");
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expectFocus(page, "zulu.txt");
  await expectOnDisk(tree, "zulu.txt");
  await page.keyboard.press("Control+z");
  await expectOnDisk(tree, "alpha.txt");
});

test("a folder is made and opened", async ({ page, tree }) => {
  await page.getByRole("button", { name: "New folder" }).first().click();
  await page.keyboard.type("Reports");
  await page.keyboard.press("Enter");
  await expectOnDisk(tree, "Reports");
  await expect(row(page, "Reports")).toBeVisible();
});

test("cut and paste move a file, and Undo moves it back", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await page.keyboard.press("Control+x");
  await row(page, "Documents").click();
  await page.keyboard.press("Enter");
  await expect(row(page, "Letter.odt")).toBeVisible();
  await page.keyboard.press("Control+v");
  await expectOnDisk(tree, "Documents/alpha.txt");
  await page.keyboard.press("Control+z");
  await expectOnDisk(tree, "alpha.txt");
});

test("the folder picker moves a file", async ({ page, tree }) => {
  await menu(page, "Bravo.txt", "Move to…");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Documents").first().click();
  await dialog.getByRole("button", { name: "Move here" }).click();
  await expectOnDisk(tree, "Documents/Bravo.txt");
  await expectOnDisk(tree, "Bravo.txt", false);
});

test("the trash restores what was deleted", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await page.keyboard.press("Delete");
  await expectOnDisk(tree, "alpha.txt", false);
  await page.getByRole("link", { name: "Trash" }).first().click();
  await page.locator(".trash-rows .trash-row").filter({ hasText: "alpha.txt" }).click();
  await page.getByRole("button", { name: "Restore" }).click();
  await expectOnDisk(tree, "alpha.txt");
});

test("changes by another program appear by themselves", async ({ page, tree }) => {
  await tree.write("news.txt", "new");
  await expect(row(page, "news.txt")).toBeVisible();
});
