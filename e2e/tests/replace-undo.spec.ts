//! Uploads that replace a file: the message offers Undo, which brings the old bytes back, and Redo the new ones.

import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";

import { expect } from "../fixtures.ts";
import { toast } from "../helpers/changes.ts";
import { open, row } from "../helpers/page.ts";
import { chooseFiles, test, upload, writeRandomFile } from "../helpers/uploads.ts";

/** Sizes around the limits of PUT, of an upload in its creation, and of an upload in slices. */
const SIZES = { PUT: 3, "tus creation": 3_000_000, "tus slices": 20_000_000 };

/** Answers the dialog about the name by Replace. */
async function replace(page: Page, path: string): Promise<void> {
  await chooseFiles(page, [path]);
  await page.getByRole("dialog", { name: /already exists here/ }).getByRole("button", { name: "Replace" }).click();
}

for (const [way, bytes] of Object.entries(SIZES)) {
  test(`by ${way}: Undo brings the old file back, and Redo the new one`, async ({ page, tree, local }) => {
    const path = await writeRandomFile(local, "report.bin", bytes);
    const [before, after] = [randomBytes(bytes), await readFile(path)];
    await tree.write("report.bin", before);
    const served = () => readFile(tree.at("report.bin"));
    await open(page);
    await expect(row(page, "report.bin")).toBeVisible();
    await replace(page, path);
    await expect(upload(page, "report.bin")).toContainText("Verified");
    await expect(toast(page)).toContainText("“report.bin” replaced");
    expect((await served()).equals(after)).toBe(true);
    await toast(page).getByRole("button", { name: "Undo" }).click();
    await expect(toast(page)).toContainText("Replacement undone");
    expect((await served()).equals(before)).toBe(true);
    await toast(page).getByRole("button", { name: "Redo" }).click();
    await expect(toast(page)).toContainText("Replacement redone");
    expect((await served()).equals(after)).toBe(true);
    // Undo by key knows the step that Redo made.
    await page.keyboard.press("Control+z");
    await expect(toast(page)).toContainText("Replacement undone");
    expect((await served()).equals(before)).toBe(true);
    await expect(row(page, "report.bin")).toHaveCount(1);
  });
}

test("one Undo brings back all files that an upload replaced", async ({ page, tree, local }) => {
  for (const name of ["a.txt", "b.txt"]) {
    await tree.write(name, `old ${name}`);
    await local.write(name, `new and longer ${name}`);
  }
  await local.write("c.txt", "new");
  await open(page);
  await chooseFiles(page, ["a.txt", "b.txt", "c.txt"].map((name) => local.at(name)));
  const dialog = page.getByRole("dialog", { name: /already exists here/ });
  await dialog.getByRole("checkbox", { name: "Do the same for 1 other" }).check();
  await dialog.getByRole("button", { name: "Replace" }).click();
  await expect(toast(page)).toContainText("2 files replaced");
  await toast(page).getByRole("button", { name: "Undo" }).click();
  await expect(toast(page)).toContainText("Replacement undone");
  expect(await readFile(tree.at("a.txt"), "utf8")).toBe("old a.txt");
  expect(await readFile(tree.at("b.txt"), "utf8")).toBe("old b.txt");
  expect(await readFile(tree.at("c.txt"), "utf8")).toBe("new");
});

test("an upload whose commit is repeated tells what it replaced", async ({ page, tree, local, faults }) => {
  // The slice that ends the file arrives, and its response is lost: the page reads the state of the upload.
  faults.expectFailedLoads("ERR_CONNECTION_RESET");
  const path = await writeRandomFile(local, "report.bin", 9_000_000);
  await tree.write("report.bin", "old");
  let lost = 0;
  await page.route("**/api/v1/uploads/*", async (route) => {
    const ends = route.request().method() === "PATCH" && route.request().headers()["repr-digest"] !== undefined;
    if (!ends || lost > 0) {
      return route.continue();
    }
    lost += 1;
    await route.fetch();
    await route.abort("connectionreset");
  });
  await open(page);
  await replace(page, path);
  await expect(upload(page, "report.bin")).toContainText("Verified");
  expect(lost).toBe(1);
  await toast(page).getByRole("button", { name: "Undo" }).click();
  await expect(toast(page)).toContainText("Replacement undone");
  expect(await readFile(tree.at("report.bin"), "utf8")).toBe("old");
});

test.describe("with a trash that keeps hardly any file", () => {
  test.use({ flags: ["--anonymous", "write", "--trash-bytes-max", "10"] });

  test("the message says that the old file was not kept, and offers no Undo", async ({ page, tree, local }) => {
    await tree.write("report.txt", "longer than ten bytes");
    await local.write("report.txt", "new");
    await open(page);
    await replace(page, local.at("report.txt"));
    await expect(toast(page)).toContainText("“report.txt” replaced. The old file could not be kept.");
    await expect(page.getByRole("button", { name: "Undo" })).toHaveCount(0);
  });
});
