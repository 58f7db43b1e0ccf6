//! Changes by mouse and keyboard: the list shows each at once, and reverts it if the server refuses.

import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";

import { expect, test } from "../fixtures.ts";
import { expectOnDisk, holdChanges, menu, problemResponse, toast } from "../helpers/changes.ts";
import { expectAccessible, expectFocus, createSampleFiles, names, open, row } from "../helpers/page.ts";

test.beforeEach(async ({ tree, page }) => {
  await createSampleFiles(tree);
  await open(page);
  await expect(row(page, "alpha.txt")).toBeVisible();
  // The buttons appear once the page knows the rights.
  await expect(page.getByRole("button", { name: "New folder" }).first()).toBeAttached();
});

test("F2 renames within the row, with the stem selected, and the row keeps the focus", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  const field = page.getByRole("textbox", { name: "New name" });
  await expect(field).toBeFocused();
  expect(await field.evaluate((it: HTMLInputElement) => it.value.slice(it.selectionStart!, it.selectionEnd!))).toBe("alpha");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expectFocus(page, "zulu.txt");
  await expect(toast(page)).toContainText("“alpha.txt” is now “zulu.txt”");
  await expectOnDisk(tree, "zulu.txt");
  await expectOnDisk(tree, "alpha.txt", false);
});

test("two renames before the server answered run in order", async ({ page, tree }) => {
  const release = await holdChanges(page);
  await row(page, "alpha.txt").click();
  for (const name of ["zulu", "yankee"]) {
    await page.keyboard.press("F2");
    await page.keyboard.type(name);
    await page.keyboard.press("Enter");
    await expectFocus(page, `${name}.txt`);
  }
  await page.keyboard.press("Delete");
  await expectFocus(page, "file 10.txt");
  await release();
  await release();
  await release();
  await expect(toast(page)).toContainText("moved to trash");
  for (const name of ["alpha.txt", "zulu.txt", "yankee.txt"]) {
    await expectOnDisk(tree, name, false);
  }
  await expect(page.locator(".toasts").getByRole("alert")).toHaveText("");
});

test("the prediction of a waiting rename is reverted if the rename before it fails", async ({ page, tree, faults }) => {
  // The rename that waits finds nothing to rename.
  faults.expectFailedLoads(507, 404);
  const release = await holdChanges(page);
  await row(page, "alpha.txt").click();
  for (const name of ["zulu", "yankee"]) {
    await page.keyboard.press("F2");
    await page.keyboard.type(name);
    await page.keyboard.press("Enter");
    await expect(row(page, `${name}.txt`)).toBeVisible();
  }
  await release(problemResponse(507, "no_space"));
  await expect(page.locator(".toasts").getByRole("alert")).toContainText("The server’s disk is full");
  await release();
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expect(row(page, "zulu.txt")).toHaveCount(0);
  await expect(row(page, "yankee.txt")).toHaveCount(0);
  await expectOnDisk(tree, "alpha.txt");
});

test("a name field keeps the focus when another change ends", async ({ page, tree }) => {
  const release = await holdChanges(page);
  await menu(page, "alpha.txt", "Duplicate");
  await row(page, "Bravo.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("be");
  await release();
  await expect(row(page, "alpha (2).txt")).toBeVisible();
  await page.keyboard.type("t");
  // A new row moves the row with the field, and the field keeps the focus.
  await tree.write("aaa.txt", "new");
  await expect(row(page, "aaa.txt")).toBeVisible();
  await page.keyboard.type("a");
  await page.keyboard.press("Enter");
  await release();
  await expectOnDisk(tree, "beta.txt");
});

test("an open menu keeps acting on its row when another change ends", async ({ page, tree }) => {
  const release = await holdChanges(page);
  await menu(page, "alpha.txt", "Duplicate");
  await row(page, "Bravo.txt").click({ button: "right" });
  await expect(page.getByRole("menuitem").first()).toBeFocused();
  await release();
  await expect(row(page, "alpha (2).txt")).toBeVisible();
  await page.getByRole("menuitem", { name: "Move to trash" }).click();
  await release();
  await expectOnDisk(tree, "Bravo.txt", false);
  await expectOnDisk(tree, "alpha (2).txt");
});

test("an invalid name is reported while typing, and Escape keeps the old name", async ({ page, tree }) => {
  await menu(page, "alpha.txt", "Rename");
  const field = page.getByRole("textbox", { name: "New name" });
  await expect(field).toBeFocused();
  await field.fill("a/b");
  await expect(page.getByText("A name cannot contain “/”.")).toBeVisible();
  await field.fill("Bravo.txt");
  await expect(page.getByText("“Bravo.txt” already exists here.")).toBeVisible();
  await expectAccessible(page);
  await field.fill("");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Enter a name.")).toBeVisible();
  await page.keyboard.press("Escape");
  await expectFocus(page, "alpha.txt");
  await expectOnDisk(tree, "alpha.txt");
});

test("a rename that the server refuses is reverted, with the reason", async ({ page, faults }) => {
  faults.expectFailedLoads(507);
  await page.route("**/api/v1/changes", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    await route.fulfill(problemResponse(507, "no_space"));
  });
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  // Shown at once…
  await expect(row(page, "zulu.txt")).toBeVisible();
  // …and reverted.
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expect(row(page, "zulu.txt")).toHaveCount(0);
  await expect(page.locator(".toasts").getByRole("alert")).toContainText("The server’s disk is full");
});

test("a change whose response is lost is requested again with the same key and made once", async ({ page, tree, faults }) => {
  faults.expectFailedLoads("ERR_FAILED");
  const keys: string[] = [];
  await page.route("**/api/v1/changes", async (route) => {
    keys.push((await route.request().headerValue("idempotency-key")) ?? "");
    if (keys.length === 1) {
      await route.fetch();
      return route.abort();
    }
    return route.continue();
  });
  await menu(page, "alpha.txt", "Duplicate");
  await expect(toast(page)).toContainText("copied");
  expect(keys.length).toBeGreaterThan(1);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  await expectOnDisk(tree, "alpha (2).txt");
  await expectOnDisk(tree, "alpha (3).txt", false);
});

test("a new folder gets a name, a row and the focus", async ({ page, tree }) => {
  await page.getByRole("button", { name: "New folder" }).first().click();
  const dialog = page.getByRole("dialog", { name: "New folder" });
  await expect(dialog.getByRole("textbox")).toBeFocused();
  await expect(dialog.getByRole("textbox")).toHaveValue("New folder");
  await expectAccessible(page);
  await dialog.getByRole("textbox").fill("Plans");
  await page.keyboard.press("Enter");
  await expectFocus(page, "Plans");
  await expectOnDisk(tree, "Plans");
  expect((await names(page)).slice(0, 4)).toEqual(["Documents", "Empty", "Photos", "Plans"]);
});

test("Delete moves a row to the trash and focuses the next row, and Undo restores it", async ({ page, tree }) => {
  await row(page, "Bravo.txt").click();
  await page.keyboard.press("Delete");
  await expect(row(page, "Bravo.txt")).toHaveCount(0);
  await expectFocus(page, "éclair.txt");
  await expect(toast(page)).toContainText("“Bravo.txt” moved to trash");
  await expectOnDisk(tree, "Bravo.txt", false);
  await toast(page).getByRole("button", { name: "Undo" }).click();
  await expect(row(page, "Bravo.txt")).toBeVisible();
  await expectOnDisk(tree, "Bravo.txt");
  await expectFocus(page, "Bravo.txt");
});

test("permanent deletion asks for confirmation with the focus on Cancel", async ({ page, tree }) => {
  await row(page, "Bravo.txt").click();
  await page.keyboard.press("Shift+Delete");
  const dialog = page.getByRole("dialog", { name: "Delete forever" });
  await expect(dialog.getByRole("button", { name: "Cancel" })).toBeFocused();
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expectFocus(page, "Bravo.txt");
  await expectOnDisk(tree, "Bravo.txt");
  await menu(page, "Bravo.txt", "Delete forever");
  await dialog.getByRole("button", { name: "Delete forever" }).click();
  await expectOnDisk(tree, "Bravo.txt", false);
  await expectFocus(page, "éclair.txt");
  await expect(toast(page).getByRole("button", { name: "Undo" })).toHaveCount(0);
});

test("several rows move to the trash at once, and the message counts them", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await row(page, "éclair.txt").click({ modifiers: ["Shift"] });
  await page.locator(".listbar").getByRole("button", { name: "Move to trash" }).click();
  await expect(toast(page)).toContainText("3 items moved to trash");
  await expectFocus(page, "file 2.txt");
  for (const name of ["alpha.txt", "Bravo.txt", "éclair.txt"]) {
    await expectOnDisk(tree, name, false);
  }
});

test("cut and paste move a file to another folder by keyboard alone", async ({ page, tree }) => {
  await row(page, "alpha.txt").focus();
  await page.keyboard.press("Control+x");
  await expect(row(page, "alpha.txt")).toHaveClass(/cut/);
  await page.keyboard.press("Home");
  await expectFocus(page, "Documents");
  await page.keyboard.press("Enter");
  await expect(row(page, "Letter.odt")).toBeVisible();
  await page.keyboard.press("Control+v");
  await expectFocus(page, "alpha.txt");
  await expectOnDisk(tree, "Documents/alpha.txt");
  await expectOnDisk(tree, "alpha.txt", false);
});

test("copy and paste within a folder make a numbered copy", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await page.keyboard.press("Control+c");
  await page.keyboard.press("Control+v");
  await expect(row(page, "alpha (2).txt")).toBeVisible();
  await expectFocus(page, "alpha (2).txt");
  await expectOnDisk(tree, "alpha (2).txt");
});

test("the folder picker works by keyboard alone and can make a folder", async ({ page, tree }) => {
  await row(page, "alpha.txt").focus();
  await page.keyboard.press("Shift+F10");
  await expect(page.getByRole("menuitem").first()).toBeFocused();
  await expectAccessible(page);
  await page.keyboard.press("m");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Move to…" });
  await expect(dialog.getByRole("button", { name: "Documents" })).toBeFocused();
  await expect(dialog.getByRole("button", { name: "Move here" })).toBeDisabled();
  await expectAccessible(page);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("button", { name: "Été" })).toBeFocused();
  await page.keyboard.press("Backspace");
  await expect(dialog.getByRole("button", { name: "Documents" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog.getByText("No folders here.")).toBeVisible();
  // Without folders, the list has the focus and handles the keys.
  await expect(dialog.locator(".folder-list")).toBeFocused();
  await page.keyboard.press("Backspace");
  await expect(dialog.getByRole("button", { name: "Documents" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog.getByText("No folders here.")).toBeVisible();
  await dialog.getByRole("button", { name: "New folder" }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.type("Old");
  await page.keyboard.press("Enter");
  await expect(dialog.locator("[aria-current=location]")).toHaveText("Old");
  await dialog.getByRole("button", { name: "Move here" }).focus();
  await page.keyboard.press("Enter");
  await expectOnDisk(tree, "Documents/Old/alpha.txt");
  await expect(row(page, "alpha.txt")).toHaveCount(0);
});

test("a folder can be the destination while it is being made", async ({ page, tree }) => {
  const release = await holdChanges(page);
  await menu(page, "alpha.txt", "Move to…");
  const dialog = page.getByRole("dialog", { name: "Move to…" });
  await dialog.getByRole("button", { name: "New folder" }).click();
  await page.keyboard.type("Old");
  await page.keyboard.press("Enter");
  await expect(dialog.locator("[aria-current=location]")).toHaveText("Old");
  await dialog.getByRole("button", { name: "Move here" }).focus();
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await release();
  await release();
  await expectOnDisk(tree, "Old/alpha.txt");
  await expectOnDisk(tree, "alpha.txt", false);
  await expect(toast(page)).toContainText("“alpha.txt” moved to Old");
});

test("a move does not wait for the contents of the destination", async ({ page, tree }) => {
  await page.route("**/api/v1/list/Empty*", () => {});
  await menu(page, "alpha.txt", "Move to…");
  const dialog = page.getByRole("dialog", { name: "Move to…" });
  await dialog.getByRole("button", { name: "Empty" }).click();
  await expect(dialog.locator("[aria-current=location]")).toHaveText("Empty");
  await dialog.getByRole("button", { name: "Move here" }).focus();
  await page.keyboard.press("Enter");
  await expectOnDisk(tree, "Empty/alpha.txt");
});

test("the folder picker leaves a folder that could not be made, with the reason", async ({ page, tree, faults }) => {
  faults.expectFailedLoads(507);
  await page.route("**/api/v1/changes", (route) => route.fulfill(problemResponse(507, "no_space")));
  await menu(page, "alpha.txt", "Move to…");
  const dialog = page.getByRole("dialog", { name: "Move to…" });
  await dialog.getByRole("button", { name: "New folder" }).click();
  await page.keyboard.type("Old");
  await page.keyboard.press("Enter");
  await expect(page.locator(".toasts").getByRole("alert")).toContainText("The server’s disk is full");
  await expect(dialog.locator("[aria-current=location]")).not.toHaveText("Old");
  await expect(dialog.getByRole("button", { name: "Documents" })).toBeFocused();
  await expectOnDisk(tree, "Old", false);
});

test("dragging rows onto a folder's row moves them, and with Ctrl copies them", async ({ page, tree }) => {
  await row(page, "alpha.txt").dragTo(row(page, "Empty"));
  await expectOnDisk(tree, "Empty/alpha.txt");
  await expect(row(page, "alpha.txt")).toHaveCount(0);
  await page.keyboard.down("Control");
  await row(page, "Bravo.txt").dragTo(row(page, "Empty"));
  await page.keyboard.up("Control");
  await expectOnDisk(tree, "Empty/Bravo.txt");
  await expectOnDisk(tree, "Bravo.txt");
});

test("rows can be dragged onto the breadcrumb and onto the sidebar", async ({ page, tree }) => {
  await open(page, "Photos/Été");
  await row(page, "IMG_2.jpg").dragTo(page.locator(".breadcrumb").getByRole("link", { name: "Photos" }));
  await expectOnDisk(tree, "Photos/IMG_2.jpg");
  await open(page);
  await row(page, "alpha.txt").dragTo(page.locator(".sidebar").getByRole("link", { name: "Documents" }));
  await expectOnDisk(tree, "Documents/alpha.txt");
});

test("a folder cannot be dragged into itself", async ({ page, tree }) => {
  await row(page, "Photos").dragTo(row(page, "Photos"));
  await menu(page, "Photos", "Move to…");
  const dialog = page.getByRole("dialog", { name: "Move to…" });
  await expect(dialog.getByRole("button", { name: "Photos" })).toBeDisabled();
  await expectOnDisk(tree, "Photos/Été/IMG_2.jpg");
});

test.describe("name conflicts", () => {
  test.beforeEach(async ({ tree, page }) => {
    await tree.write("Empty/alpha.txt", "the other one");
    await tree.write("Empty/Bravo.txt", "the other one");
    await row(page, "alpha.txt").click();
    await row(page, "Bravo.txt").click({ modifiers: ["Control"] });
    await page.keyboard.press("Control+c");
    await row(page, "Empty").dblclick();
    await expect(page).toHaveURL(/path=Empty$/);
    // The folder left has rows of these names too, and keys wait for those of the folder in the title.
    await expect.poll(() => names(page)).toEqual(["alpha.txt", "Bravo.txt"]);
    await page.keyboard.press("Control+v");
  });

  test("the dialog shows both sides and focuses Keep both", async ({ page, tree }) => {
    const dialog = page.getByRole("dialog", { name: /already exists here/ });
    await expect(dialog).toContainText("“alpha.txt” already exists here");
    await expect(dialog).toContainText("10 B");
    await expect(dialog).toContainText("13 B");
    await expect(dialog.getByRole("button", { name: "Keep both" })).toBeFocused();
    await expectAccessible(page);
    await page.keyboard.press("Enter");
    await expect(dialog).toContainText("“Bravo.txt” already exists here");
    await dialog.getByRole("button", { name: "Skip" }).click();
    await expect(toast(page)).toContainText("“alpha (2).txt” copied to Empty, 1 item skipped");
    await expectOnDisk(tree, "Empty/alpha (2).txt");
    await expectOnDisk(tree, "Empty/Bravo (2).txt", false);
  });

  test("one answer applies to all conflicts, and Undo restores the replaced files", async ({ page, tree }) => {
    const dialog = page.getByRole("dialog", { name: /already exists here/ });
    await dialog.getByRole("checkbox", { name: "Do the same for 1 other" }).check();
    await dialog.getByRole("button", { name: "Replace" }).click();
    // The message about the clipboard reads alike, so wait for the disk instead of the message.
    await expect.poll(() => readFile(tree.at("Empty/alpha.txt"), "utf8").catch(() => "")).toBe("a".repeat(10));
    await expect(toast(page).getByRole("button", { name: "Undo" })).toBeVisible();
    await page.keyboard.press("Control+z");
    await expect.poll(() => readFile(tree.at("Empty/alpha.txt"), "utf8").catch(() => "")).toBe("the other one");
    await expect.poll(() => readFile(tree.at("Empty/Bravo.txt"), "utf8").catch(() => "")).toBe("the other one");
  });

  test("closing the dialog skips the remaining conflicts", async ({ page, tree }) => {
    await expect(page.getByRole("dialog", { name: /already exists here/ })).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(toast(page)).toContainText("2 items skipped");
    expect(await readFile(tree.at("Empty/alpha.txt"), "utf8")).toBe("the other one");
  });
});

test("several failures are listed with their reasons and can be retried", async ({ page, tree }) => {
  const failed = { result: "failed", code: "no_space", message: "full" };
  const job = { id: "0".repeat(32), state: "done", version: 1, progress: { entries: 0, entries_total: 2, bytes: 0, bytes_total: 0 } };
  await page.route("**/api/v1/changes", (route) => route.fulfill({ json: { ...job, outcomes: [failed, failed] } }), { times: 1 });
  await row(page, "alpha.txt").click();
  await row(page, "Bravo.txt").click({ modifiers: ["Control"] });
  await page.keyboard.press("Delete");
  const card = page.locator(".task.failed");
  await expect(card.getByRole("alert")).toHaveText("2 items failed");
  await expect(card).toContainText("“alpha.txt” was not moved to trash. The server’s disk is full.");
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expectAccessible(page);
  await card.getByRole("button", { name: "Retry" }).click();
  await expectOnDisk(tree, "alpha.txt", false);
  await expectOnDisk(tree, "Bravo.txt", false);
});

test("a copy counts every entry that it left out, also those that the server does not name", async ({ page, tree }) => {
  await tree.folder("Pipes");
  execFileSync("mkfifo", Array.from({ length: 120 }, (_, index) => tree.at(`Pipes/pipe ${index}`)));
  await open(page);
  await menu(page, "Pipes", "Duplicate");
  await expectOnDisk(tree, "Pipes (2)");
  const card = page.locator(".task.failed");
  await expect(card.getByRole("alert")).toHaveText("120 items failed");
  await expect(card).toContainText("was not copied. It is not a regular file");
  await expect(card).toContainText("and 100 more");
});

test("a long change shows its progress, survives a reload, and can be cancelled", async ({ page }) => {
  const id = "1".repeat(32);
  const job = (state: string, version: number) => ({
    id,
    state,
    version,
    progress: { entries: version, entries_total: 10, bytes: 0, bytes_total: 0 },
    outcomes: [],
  });
  let stopped = false;
  const answer = (version: number) => job(stopped ? "canceled" : "running", version);
  await page.route("**/api/v1/changes", (route) => route.fulfill({ status: 202, json: answer(1) }));
  await page.route("**/api/v1/jobs", (route) => route.fulfill({ json: { jobs: [answer(2)] } }));
  await page.route(`**/api/v1/jobs/${id}*`, async (route) => {
    if (route.request().method() === "DELETE") {
      stopped = true;
    } else {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await route.fulfill({ json: answer(4) });
  });
  await menu(page, "Photos", "Duplicate");
  await expect(page.locator(".task").getByRole("status")).toHaveText("Copying 1 item");
  await expect(page.locator(".task")).toContainText("4 of 10");
  await expectAccessible(page);
  await page.reload();
  await expect(page.locator(".task").getByRole("status")).toHaveText("A change is running");
  await page.locator(".task").getByRole("button", { name: "Cancel" }).click();
  await expect(page.locator(".task")).toHaveCount(0);
});
