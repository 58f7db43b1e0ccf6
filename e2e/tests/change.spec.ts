//! Changing files: every change by mouse and by keyboard, shown at once, taken back where the server refuses it.

import { readFile } from "node:fs/promises";

import { expect, test } from "../fixtures.ts";
import { expectOnDisk, holdChanges, menu, refusal, toast } from "./changing.ts";
import { expectAccessible, expectFocus, furnish, names, open, row } from "./page.ts";

test.beforeEach(async ({ tree, page }) => {
  await furnish(tree);
  await open(page);
  await expect(row(page, "alpha.txt")).toBeVisible();
  // The actions appear once the server said that it takes them.
  await expect(page.getByRole("button", { name: "New folder" }).first()).toBeAttached();
});

test("a row is renamed in its place, by F2: the stem is selected, and the focus stays", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  const field = page.getByRole("textbox", { name: "New name" });
  await expect(field).toBeFocused();
  expect(await field.evaluate((it: HTMLInputElement) => it.value.slice(it.selectionStart!, it.selectionEnd!))).toBe("alpha");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expectFocus(page, "zulu.txt");
  await expect(toast(page)).toContainText("“zulu.txt” renamed");
  await expectOnDisk(tree, "zulu.txt");
  await expectOnDisk(tree, "alpha.txt", false);
});

test("what is renamed again before the server has answered is renamed twice, in that order", async ({ page, tree }) => {
  const letThrough = await holdChanges(page);
  await row(page, "alpha.txt").click();
  for (const name of ["zulu", "yankee"]) {
    await page.keyboard.press("F2");
    await page.keyboard.type(name);
    await page.keyboard.press("Enter");
    await expectFocus(page, `${name}.txt`);
  }
  await page.keyboard.press("Delete");
  await expectFocus(page, "file 10.txt");
  await letThrough();
  await letThrough();
  await letThrough();
  await expect(toast(page)).toContainText("moved to trash");
  for (const name of ["alpha.txt", "zulu.txt", "yankee.txt"]) {
    await expectOnDisk(tree, name, false);
  }
  await expect(page.locator(".toasts").getByRole("alert")).toHaveText("");
});

test("what was shown before its turn goes again where what it came from did not come about", async ({ page, tree }) => {
  const letThrough = await holdChanges(page);
  await row(page, "alpha.txt").click();
  for (const name of ["zulu", "yankee"]) {
    await page.keyboard.press("F2");
    await page.keyboard.type(name);
    await page.keyboard.press("Enter");
    await expect(row(page, `${name}.txt`)).toBeVisible();
  }
  await letThrough(refusal(507, "no_space"));
  await expect(page.locator(".toasts").getByRole("alert")).toContainText("There is not enough space on the server");
  await letThrough();
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expect(row(page, "zulu.txt")).toHaveCount(0);
  await expect(row(page, "yankee.txt")).toHaveCount(0);
  await expectOnDisk(tree, "alpha.txt");
});

test("a name that is being typed keeps the focus when a change elsewhere is done", async ({ page, tree }) => {
  const letThrough = await holdChanges(page);
  await menu(page, "alpha.txt", "Duplicate");
  await row(page, "Bravo.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("be");
  await letThrough();
  await expect(row(page, "alpha (2).txt")).toBeVisible();
  await page.keyboard.type("t");
  // What others do pushes the row away, and the field goes with it.
  await tree.write("aaa.txt", "new");
  await expect(row(page, "aaa.txt")).toBeVisible();
  await page.keyboard.type("a");
  await page.keyboard.press("Enter");
  await letThrough();
  await expectOnDisk(tree, "beta.txt");
});

test("what a menu is about stays so when a change elsewhere is done meanwhile", async ({ page, tree }) => {
  const letThrough = await holdChanges(page);
  await menu(page, "alpha.txt", "Duplicate");
  await row(page, "Bravo.txt").click({ button: "right" });
  await expect(page.getByRole("menuitem").first()).toBeFocused();
  await letThrough();
  await expect(row(page, "alpha (2).txt")).toBeVisible();
  await page.getByRole("menuitem", { name: "Move to trash" }).click();
  await letThrough();
  await expectOnDisk(tree, "Bravo.txt", false);
  await expectOnDisk(tree, "alpha (2).txt");
});

test("a name that cannot be is said so while it is typed, and Escape leaves the old one", async ({ page, tree }) => {
  await menu(page, "alpha.txt", "Rename");
  const field = page.getByRole("textbox", { name: "New name" });
  await expect(field).toBeFocused();
  await field.fill("a/b");
  await expect(page.getByText("A name cannot contain “/”.")).toBeVisible();
  await field.fill("Bravo.txt");
  await expect(page.getByText("Something here has this name already.")).toBeVisible();
  await expectAccessible(page);
  await field.fill("");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Enter a name.")).toBeVisible();
  await page.keyboard.press("Escape");
  await expectFocus(page, "alpha.txt");
  await expectOnDisk(tree, "alpha.txt");
});

test("a rename that the server refuses is taken back, with the reason", async ({ page }) => {
  await page.route("**/api/v1/changes", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    await route.fulfill(refusal(507, "no_space"));
  });
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  // Shown at once…
  await expect(row(page, "zulu.txt")).toBeVisible();
  // …and taken back.
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expect(row(page, "zulu.txt")).toHaveCount(0);
  await expect(page.locator(".toasts").getByRole("alert")).toContainText("There is not enough space on the server");
});

test("a change whose answer is lost is asked for again with the same key, and made once", async ({ page, tree }) => {
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

test("Delete moves to the trash, the next row has the focus, and Undo brings it back", async ({ page, tree }) => {
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

test("deleting for ever asks first, with the safe answer in focus", async ({ page, tree }) => {
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

test("several rows go at once, and the count is said", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await row(page, "éclair.txt").click({ modifiers: ["Shift"] });
  await page.locator(".listbar").getByRole("button", { name: "Move to trash" }).click();
  await expect(toast(page)).toContainText("3 items moved to trash");
  await expectFocus(page, "file 2.txt");
  for (const name of ["alpha.txt", "Bravo.txt", "éclair.txt"]) {
    await expectOnDisk(tree, name, false);
  }
});

test("cut and paste move to another folder, by keyboard alone", async ({ page, tree }) => {
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

test("copy and paste in the same folder make another one beside it", async ({ page, tree }) => {
  await row(page, "alpha.txt").click();
  await page.keyboard.press("Control+c");
  await page.keyboard.press("Control+v");
  await expect(row(page, "alpha (2).txt")).toBeVisible();
  await expectFocus(page, "alpha (2).txt");
  await expectOnDisk(tree, "alpha (2).txt");
});

test("a folder to move to is found by keyboard alone, and can be made on the way", async ({ page, tree }) => {
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
  await expect(dialog.getByText("No folders in here.")).toBeVisible();
  // Where there is no folder to have the focus, the list has it, and the keys still work.
  await expect(dialog.locator(".folder-list")).toBeFocused();
  await page.keyboard.press("Backspace");
  await expect(dialog.getByRole("button", { name: "Documents" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog.getByText("No folders in here.")).toBeVisible();
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

test("a folder that is only being made can be moved to already", async ({ page, tree }) => {
  const letThrough = await holdChanges(page);
  await menu(page, "alpha.txt", "Move to…");
  const dialog = page.getByRole("dialog", { name: "Move to…" });
  await dialog.getByRole("button", { name: "New folder" }).click();
  await page.keyboard.type("Old");
  await page.keyboard.press("Enter");
  await expect(dialog.locator("[aria-current=location]")).toHaveText("Old");
  await dialog.getByRole("button", { name: "Move here" }).focus();
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await letThrough();
  await letThrough();
  await expectOnDisk(tree, "Old/alpha.txt");
  await expectOnDisk(tree, "alpha.txt", false);
  await expect(toast(page)).toContainText("“alpha.txt” moved");
});

test("where the list of a folder does not come, one moves there all the same", async ({ page, tree }) => {
  await page.route("**/api/v1/list/Empty*", () => {});
  await menu(page, "alpha.txt", "Move to…");
  const dialog = page.getByRole("dialog", { name: "Move to…" });
  await dialog.getByRole("button", { name: "Empty" }).click();
  await expect(dialog.locator("[aria-current=location]")).toHaveText("Empty");
  await dialog.getByRole("button", { name: "Move here" }).focus();
  await page.keyboard.press("Enter");
  await expectOnDisk(tree, "Empty/alpha.txt");
});

test("a folder that could not be made is left again, with the reason", async ({ page, tree }) => {
  await page.route("**/api/v1/changes", (route) => route.fulfill(refusal(507, "no_space")));
  await menu(page, "alpha.txt", "Move to…");
  const dialog = page.getByRole("dialog", { name: "Move to…" });
  await dialog.getByRole("button", { name: "New folder" }).click();
  await page.keyboard.type("Old");
  await page.keyboard.press("Enter");
  await expect(page.locator(".toasts").getByRole("alert")).toContainText("There is not enough space on the server");
  await expect(dialog.locator("[aria-current=location]")).not.toHaveText("Old");
  await expect(dialog.getByRole("button", { name: "Documents" })).toBeFocused();
  await expectOnDisk(tree, "Old", false);
});

test("rows are dragged onto a folder's row; with Ctrl they are copied", async ({ page, tree }) => {
  await row(page, "alpha.txt").dragTo(row(page, "Empty"));
  await expectOnDisk(tree, "Empty/alpha.txt");
  await expect(row(page, "alpha.txt")).toHaveCount(0);
  await page.keyboard.down("Control");
  await row(page, "Bravo.txt").dragTo(row(page, "Empty"));
  await page.keyboard.up("Control");
  await expectOnDisk(tree, "Empty/Bravo.txt");
  await expectOnDisk(tree, "Bravo.txt");
});

test("rows are dragged onto the breadcrumb and onto the places", async ({ page, tree }) => {
  await open(page, "Photos/Été");
  await row(page, "IMG_2.jpg").dragTo(page.locator(".breadcrumb").getByRole("link", { name: "Photos" }));
  await expectOnDisk(tree, "Photos/IMG_2.jpg");
  await open(page);
  await row(page, "alpha.txt").dragTo(page.locator(".sidebar").getByRole("link", { name: "Documents" }));
  await expectOnDisk(tree, "Documents/alpha.txt");
});

test("a folder does not go into itself", async ({ page, tree }) => {
  await row(page, "Photos").dragTo(row(page, "Photos"));
  await menu(page, "Photos", "Move to…");
  const dialog = page.getByRole("dialog", { name: "Move to…" });
  await expect(dialog.getByRole("button", { name: "Photos" })).toBeDisabled();
  await expectOnDisk(tree, "Photos/Été/IMG_2.jpg");
});

test.describe("what stands in the way", () => {
  test.beforeEach(async ({ tree, page }) => {
    await tree.write("Empty/alpha.txt", "the other one");
    await tree.write("Empty/Bravo.txt", "the other one");
    await row(page, "alpha.txt").click();
    await row(page, "Bravo.txt").click({ modifiers: ["Control"] });
    await page.keyboard.press("Control+c");
    await row(page, "Empty").dblclick();
    await expect(page).toHaveURL(/path=Empty$/);
    await expect(row(page, "Bravo.txt")).toBeVisible();
    await page.keyboard.press("Control+v");
  });

  test("both sides are shown, and keeping both is the safe answer", async ({ page, tree }) => {
    const dialog = page.getByRole("dialog", { name: "This name is taken" });
    await expect(dialog).toContainText("“alpha.txt” is there already");
    await expect(dialog).toContainText("10 B");
    await expect(dialog).toContainText("13 B");
    await expect(dialog.getByRole("button", { name: "Keep both" })).toBeFocused();
    await expectAccessible(page);
    await page.keyboard.press("Enter");
    await expect(dialog).toContainText("“Bravo.txt” is there already");
    await dialog.getByRole("button", { name: "Skip" }).click();
    await expect(toast(page)).toContainText("“alpha (2).txt” copied, 1 item skipped");
    await expectOnDisk(tree, "Empty/alpha (2).txt");
    await expectOnDisk(tree, "Empty/Bravo (2).txt", false);
  });

  test("one answer serves for all; what is replaced comes back with Undo", async ({ page, tree }) => {
    const dialog = page.getByRole("dialog", { name: "This name is taken" });
    await dialog.getByRole("checkbox", { name: "Do the same for 1 other" }).check();
    await dialog.getByRole("button", { name: "Replace" }).click();
    // The toast of the copying to the clipboard has words like these, too: what counts is on the disk.
    await expect.poll(() => readFile(tree.at("Empty/alpha.txt"), "utf8").catch(() => "")).toBe("a".repeat(10));
    await expect(toast(page).getByRole("button", { name: "Undo" })).toBeVisible();
    await page.keyboard.press("Control+z");
    await expect.poll(() => readFile(tree.at("Empty/alpha.txt"), "utf8").catch(() => "")).toBe("the other one");
    await expect.poll(() => readFile(tree.at("Empty/Bravo.txt"), "utf8").catch(() => "")).toBe("the other one");
  });

  test("whoever closes the dialog skips what is left", async ({ page, tree }) => {
    await expect(page.getByRole("dialog", { name: "This name is taken" })).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(toast(page)).toContainText("2 items skipped");
    expect(await readFile(tree.at("Empty/alpha.txt"), "utf8")).toBe("the other one");
  });
});

test("several failures are listed with their reasons, and tried again", async ({ page, tree }) => {
  const failed = { result: "failed", code: "no_space", message: "full" };
  const job = { id: "0".repeat(32), state: "done", version: 1, progress: { entries: 0, entries_total: 2, bytes: 0, bytes_total: 0 } };
  await page.route("**/api/v1/changes", (route) => route.fulfill({ json: { ...job, outcomes: [failed, failed] } }), { times: 1 });
  await row(page, "alpha.txt").click();
  await row(page, "Bravo.txt").click({ modifiers: ["Control"] });
  await page.keyboard.press("Delete");
  const card = page.locator(".task.failed");
  await expect(card.getByRole("alert")).toHaveText("2 items are as they were");
  await expect(card).toContainText("alpha.txt – There is not enough space on the server");
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expectAccessible(page);
  await card.getByRole("button", { name: "Retry" }).click();
  await expectOnDisk(tree, "alpha.txt", false);
  await expectOnDisk(tree, "Bravo.txt", false);
});

test("a long change shows how far it is, outlives a reload, and can be stopped", async ({ page }) => {
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
  await expect(page.locator(".task").getByRole("status")).toHaveText("A change is under way");
  await page.locator(".task").getByRole("button", { name: "Cancel" }).click();
  await expect(page.locator(".task")).toHaveCount(0);
});
