//! The trash: listing, restoring, deleting, by mouse and by keyboard.

import { readFile } from "node:fs/promises";

import { expect, test } from "../fixtures.ts";
import { expectOnDisk, toast } from "../helpers/changes.ts";
import { expectAccessible, createSampleFiles, inEachTheme, open, row } from "../helpers/page.ts";

test.beforeEach(async ({ tree, page }) => {
  await createSampleFiles(tree);
  await open(page);
  // The buttons appear once the page knows the rights.
  await expect(page.getByRole("button", { name: "New folder" }).first()).toBeAttached();
  await row(page, "alpha.txt").click();
  await row(page, "éclair.txt").click({ modifiers: ["Shift"] });
  await page.keyboard.press("Delete");
  await expect(toast(page)).toContainText("3 items moved to trash");
});

const trashed = (page: import("@playwright/test").Page, name: string) => page.locator(".trash-rows .trash-row").filter({ hasText: name });

test("the trash shows original folder and expiry date, and restores entries", async ({ page, tree }) => {
  await page.getByRole("link", { name: "Trash" }).first().click();
  await expect(page).toHaveURL(/view=trash$/);
  await expect(page).toHaveTitle("Trash – Passerelle");
  const grid = page.getByRole("grid", { name: "Contents of the trash" });
  await expect(grid).toHaveAttribute("aria-rowcount", "4");
  await expect(grid.getByRole("columnheader")).toHaveText(["", "Name", "Original folder", "Size", "Moved to trash", "Deletes on"]);
  await expectAccessible(page);
  await trashed(page, "Bravo.txt").click();
  await page.getByRole("button", { name: "Restore" }).click();
  await expect(trashed(page, "Bravo.txt")).toHaveCount(0);
  await expectOnDisk(tree, "Bravo.txt");
  await expect(toast(page)).toContainText("“Bravo.txt” restored");
  await toast(page).getByRole("button", { name: "Undo" }).click();
  await expectOnDisk(tree, "Bravo.txt", false);
  await expect(trashed(page, "Bravo.txt")).toBeVisible();
  await page.goBack();
  await expect(row(page, "file 2.txt")).toBeVisible();
});

test("the trash works by keyboard alone", async ({ page, tree }) => {
  await page.goto("./?view=trash");
  await expect(trashed(page, "alpha.txt")).toBeVisible();
  await page.locator(".trash-rows [tabindex='0']").focus();
  await page.keyboard.press("Control+a");
  await expect(page.getByText("3 items selected")).toBeVisible();
  await page.keyboard.press("Home");
  await page.keyboard.press("Shift+ArrowDown");
  await expect(page.getByText("2 items selected")).toBeVisible();
  await page.keyboard.press("Delete");
  const dialog = page.getByRole("dialog", { name: "Delete forever" });
  await expect(dialog.getByRole("button", { name: "Cancel" })).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.locator(".trash-rows .trash-row")).toHaveCount(1);
  await expect(page.locator(".trash-rows .trash-row")).toBeFocused();
  await page.keyboard.press("Control+a");
  await expect(page.getByText("1 item selected")).toBeVisible();
  await page.getByRole("button", { name: "Restore" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "The trash is empty" })).toBeVisible();
  await expectAccessible(page);
  await expect.poll(async () => (await Promise.all(["alpha.txt", "Bravo.txt", "éclair.txt"].map((name) => readFile(tree.at(name)).then(() => 1, () => 0)))).reduce<number>((one, other) => one + other, 0)).toBe(1);
});

test("restoring asks about a name that exists", async ({ page, tree, faults }) => {
  faults.expectFailedLoads(409);
  await tree.write("Bravo.txt", "another");
  await page.goto("./?view=trash");
  await trashed(page, "Bravo.txt").click();
  await page.getByRole("button", { name: "Restore" }).click();
  const dialog = page.getByRole("dialog", { name: /already exists here/ });
  await expect(dialog).toContainText("“Bravo.txt” already exists here");
  await dialog.getByRole("button", { name: "Keep both" }).click();
  await expectOnDisk(tree, "Bravo (2).txt");
  expect(await readFile(tree.at("Bravo.txt"), "utf8")).toBe("another");
});

test("emptying the trash asks for confirmation", async ({ page }) => {
  await page.goto("./?view=trash");
  await expect(page.locator(".trash-rows .trash-row")).toHaveCount(3);
  await page.getByRole("button", { name: "Empty the trash" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete forever" });
  await expect(dialog).toContainText("The 3 items in the trash will be deleted forever.");
  await page.keyboard.press("Escape");
  await expect(page.locator(".trash-rows .trash-row")).toHaveCount(3);
  await page.getByRole("button", { name: "Empty the trash" }).click();
  await dialog.getByRole("button", { name: "Delete forever" }).click();
  await expect(page.getByRole("heading", { name: "The trash is empty" })).toBeVisible();
  await page.getByRole("link", { name: "Back to the files" }).click();
  await expect(row(page, "file 2.txt")).toBeVisible();
});

for (const [lang, heading] of [["en", "Trash"], ["fr", "Corbeille"]] as const) {
  test(`axe reports no violation in the trash: ${lang}`, async ({ page }) => {
    await page.evaluate((lang) => localStorage.setItem("passerelle.lang", lang), lang);
    await page.goto("./?view=trash");
    await expect(page.getByRole("heading", { name: heading })).toBeVisible();
    await trashed(page, "alpha.txt").click();
    await inEachTheme(page, () => expectAccessible(page));
    await page.setViewportSize({ width: 390, height: 844 });
    await inEachTheme(page, () => expectAccessible(page));
  });
}
