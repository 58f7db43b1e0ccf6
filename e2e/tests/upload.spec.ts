//! Uploads: several files, folders, conflicts, failures. No upload is lost, and every published file is complete.

import { readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import type { Page } from "@playwright/test";

import { expect } from "../fixtures.ts";
import { expectFocus, open, row } from "../helpers/page.ts";
import { chooseFiles, drop, expectSameBytes, file, filePicker, writeRandomFile, panel, test, upload } from "../helpers/uploads.ts";

test("several files are uploaded, verified and listed, and keep their modification times", async ({ page, tree, local }) => {
  await local.write("one.txt", "1".repeat(1_000));
  await local.write("déjà vu.txt", "2");
  await local.write("empty", "");
  await utimes(local.at("one.txt"), 1_500_000_000, 1_500_000_000);
  await open(page);
  await chooseFiles(page, [local.at("one.txt"), local.at("déjà vu.txt"), local.at("empty")]);
  await expect(panel(page).getByRole("heading")).toHaveText("3 files uploaded");
  await expect(panel(page)).toContainText("all verified");
  for (const name of ["one.txt", "déjà vu.txt", "empty"]) {
    await expect(row(page, name)).toBeVisible();
    await expect(upload(page, name)).toContainText("Verified");
    await expectSameBytes(tree, name, local.at(name));
  }
  expect((await stat(tree.at("one.txt"))).mtimeMs).toBe(1_500_000_000_000);
});

test("a large file is sent in slices and verified", async ({ page, tree, local }) => {
  const path = await writeRandomFile(local, "large.bin", 50_000_000);
  await open(page);
  await chooseFiles(page, [path]);
  await expect(upload(page, "large.bin")).toContainText("Verified", { timeout: 60_000 });
  await expectSameBytes(tree, "large.bin", path);
});

test("dropping a folder uploads its contents, including empty folders", async ({ page, tree, local }) => {
  await local.write("Trip/a.txt", "a");
  await local.write("Trip/deep/er/b.txt", "b");
  await local.folder("Trip/nothing");
  await local.write("loose.txt", "l");
  await tree.write("there.txt", "t");
  await open(page);
  await expect(row(page, "there.txt")).toBeVisible();
  await drop(page, page.locator(".grid .port"), [local.at("Trip"), local.at("loose.txt")]);
  await expect(panel(page).getByRole("heading")).toHaveText("3 files uploaded");
  await expect(row(page, "Trip")).toBeVisible();
  expect(await readFile(tree.at("Trip/deep/er/b.txt"), "utf8")).toBe("b");
  await expect.poll(() => readdir(tree.at("Trip"))).toEqual(expect.arrayContaining(["a.txt", "deep", "nothing"]));
  expect(await readFile(tree.at("loose.txt"), "utf8")).toBe("l");
});

test("a drop on a folder uploads into it, and the hint names it", async ({ page, tree, local }) => {
  await tree.folder("Inbox");
  await local.write("letter.txt", "l");
  await open(page);
  await drop(page, row(page, "Inbox"), [local.at("letter.txt")]);
  await expect(upload(page, "letter.txt")).toContainText("Verified");
  expect(await readFile(tree.at("Inbox/letter.txt"), "utf8")).toBe("l");
  await upload(page, "letter.txt").getByRole("button", { name: "Show letter.txt in its folder" }).click();
  await expect(row(page, "letter.txt")).toBeVisible();
});

test("conflicts are asked about once for all, and each answer has its effect", async ({ page, tree, local }) => {
  for (const name of ["a.txt", "b.txt", "c.txt", "same.txt"]) {
    await local.write(name, `new ${name}`);
    await tree.write(name, name === "same.txt" ? `new ${name}` : "old");
  }
  await open(page);
  await chooseFiles(page, [local.at("a.txt"), local.at("same.txt")]);
  const dialog = page.getByRole("dialog", { name: /already exists here/ });
  await expect(dialog).toContainText("“a.txt” already exists here");
  await expect(dialog).toContainText("9 B");
  await expect(dialog).toContainText("3 B");
  await expect(dialog.getByRole("button", { name: "Keep both" })).toBeFocused();
  await dialog.getByRole("button", { name: "Keep both" }).click();
  await expect(upload(page, "same.txt")).toContainText("Already here, identical");
  await expect(panel(page)).toContainText("1 was already here");
  await expect(row(page, "a (2).txt")).toBeVisible();
  expect(await readFile(tree.at("a (2).txt"), "utf8")).toBe("new a.txt");
  expect(await readFile(tree.at("a.txt"), "utf8")).toBe("old");

  await chooseFiles(page, ["a.txt", "b.txt", "c.txt"].map((name) => local.at(name)));
  await dialog.getByRole("checkbox", { name: "Do the same for 2 others" }).check();
  await dialog.getByRole("button", { name: "Replace" }).click();
  await expect(panel(page).getByRole("heading")).toHaveText("3 files uploaded");
  for (const name of ["a.txt", "b.txt", "c.txt"]) {
    expect(await readFile(tree.at(name), "utf8")).toBe(`new ${name}`);
  }

  await local.write("b.txt", "newer still");
  await chooseFiles(page, [local.at("b.txt")]);
  await dialog.getByRole("button", { name: "Skip" }).click();
  await expect(upload(page, "b.txt")).toContainText("Skipped");
  expect(await readFile(tree.at("b.txt"), "utf8")).toBe("new b.txt");
});

test("a postponed conflict waits in the panel", async ({ page, tree, local }) => {
  await tree.write("a.txt", "old");
  await local.write("a.txt", "newer");
  await open(page);
  await chooseFiles(page, [local.at("a.txt")]);
  const dialog = page.getByRole("dialog", { name: /already exists here/ });
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await upload(page, "a.txt").getByRole("button", { name: "Choose what to do with a.txt" }).click();
  await dialog.getByRole("button", { name: "Replace" }).click();
  await expect(upload(page, "a.txt")).toContainText("Verified");
  expect(await readFile(tree.at("a.txt"), "utf8")).toBe("newer");
});

test("a file that another user changed after the answer is a new conflict", async ({ page, tree, local, faults }) => {
  faults.expectFailedLoads(412);
  await tree.write("a.txt", "old");
  await local.write("a.txt", "local, and longer");
  await open(page);
  await chooseFiles(page, [local.at("a.txt")]);
  const dialog = page.getByRole("dialog", { name: /already exists here/ });
  await expect(dialog).toContainText("3 B");
  await writeFile(tree.at("a.txt"), "another user");
  await dialog.getByRole("button", { name: "Replace" }).click();
  await expect(dialog).toContainText("17 B");
  expect(await readFile(tree.at("a.txt"), "utf8")).toBe("another user");
  await dialog.getByRole("button", { name: "Keep both" }).click();
  await expect(upload(page, "a.txt")).toContainText("Verified");
  expect(await readFile(tree.at("a.txt"), "utf8")).toBe("another user");
  expect(await readFile(tree.at("a (2).txt"), "utf8")).toBe("local, and longer");
});

test("a failure stays in the panel with its cause until it is retried", async ({ page, tree, faults }) => {
  faults.expectFailedLoads(507);
  await open(page);
  const problem = { type: "about:blank", status: 507, code: "no_space", title: "full" };
  await page.route("**/files/*", (route) =>
    route.fulfill({ status: 507, contentType: "application/problem+json", body: JSON.stringify(problem) }),
  );
  await chooseFiles(page, [file("big.txt", "x".repeat(2_000))]);
  await expect(upload(page, "big.txt")).toContainText("Not enough space for the remaining 2.0 kB. Free some space");
  await expect(page.getByRole("alert").filter({ hasText: "1 file needs your decision" })).toHaveCount(1);
  await chooseFiles(page, [file("other.txt", "y")]);
  await expect(upload(page, "other.txt")).toContainText("Not enough space");
  await expect(upload(page, "big.txt")).toBeVisible();
  await page.unroute("**/files/*");
  await upload(page, "big.txt").getByRole("button", { name: "Retry big.txt" }).click();
  await expect(upload(page, "big.txt")).toContainText("Verified");
  await upload(page, "other.txt").getByRole("button", { name: "Remove other.txt from the list" }).click();
  await expect(upload(page, "other.txt")).toHaveCount(0);
  expect((await readdir(tree.root)).filter((name) => !name.startsWith("."))).toEqual(["big.txt"]);
});

test("a lost response of a successful upload raises no conflict", async ({ page, tree, faults }) => {
  faults.allowLostConnections();
  await open(page);
  let lost = 0;
  await page.route("**/files/notes.txt", async (route) => {
    if (lost++ > 0) {
      return route.continue();
    }
    await route.fetch();
    await route.abort("connectionreset");
  });
  await chooseFiles(page, [file("notes.txt", "Milk")]);
  await expect(upload(page, "notes.txt")).toContainText("Verified");
  expect(lost).toBeGreaterThan(1);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect((await readdir(tree.root)).filter((name) => !name.startsWith("."))).toEqual(["notes.txt"]);
});

/** Pastes a file on the page, or drops it there. */
const give = (page: Page, kind: "paste" | "drop", name: string) =>
  page.evaluate(
    ([kind, name]) => {
      const data = new DataTransfer();
      data.items.add(new File(["from the clipboard"], name));
      const init = { bubbles: true, cancelable: true };
      const event =
        kind === "paste"
          ? new ClipboardEvent("paste", { ...init, clipboardData: data })
          : new DragEvent("drop", { ...init, dataTransfer: data });
      document.body.dispatchEvent(event);
    },
    [kind, name] as const,
  );

test("files are not taken for the folder behind a dialog", async ({ page, tree }) => {
  await tree.write("there.txt", "t");
  await open(page);
  await expect(row(page, "there.txt")).toBeVisible();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toBeVisible();
  await give(page, "paste", "behind 1.txt");
  await give(page, "drop", "behind 2.txt");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await give(page, "paste", "in front.txt");
  await expect(upload(page, "in front.txt")).toContainText("Verified");
  await expect(panel(page).getByRole("heading")).toHaveText("1 file uploaded");
  expect((await readdir(tree.root)).filter((name) => !name.startsWith(".")).sort()).toEqual(["in front.txt", "there.txt"]);
});

test("files are pasted", async ({ page, tree }) => {
  await tree.write("there.txt", "t");
  await open(page);
  await expect(row(page, "there.txt")).toBeVisible();
  await give(page, "paste", "pasted.txt");
  await expect(upload(page, "pasted.txt")).toContainText("Verified");
  expect(await readFile(tree.at("pasted.txt"), "utf8")).toBe("from the clipboard");
});

test("uploading works by keyboard alone", async ({ page, tree, local }) => {
  await tree.write("a.txt", "old");
  await local.write("a.txt", "new and longer");
  await open(page);
  await expect(row(page, "a.txt")).toBeVisible();
  const button = page.getByRole("button", { name: "Upload", exact: true }).first();
  for (let press = 0; press < 30 && !(await button.evaluate((it) => it === document.activeElement)); press += 1) {
    await page.keyboard.press("Tab");
  }
  await expect(button).toBeFocused();
  const picker = await filePicker(page, () => page.keyboard.press("Enter"));
  await picker.setFiles([local.at("a.txt")]);
  await expect(page.getByRole("button", { name: "Keep both" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(upload(page, "a.txt")).toContainText("Verified");
  const dismiss = upload(page, "a.txt").getByRole("button", { name: "Remove a.txt from the list" });
  await dismiss.focus();
  await page.keyboard.press("Enter");
  await expect(panel(page)).toHaveCount(0);
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.tagName)).not.toBe("BODY");
});

for (const last of ["Remove a.txt from the list", "Close"]) {
  test(`the focus is never lost when the panel closes by “${last}”`, async ({ page, local }) => {
    await local.write("a.txt", "content");
    await open(page);
    await chooseFiles(page, [local.at("a.txt")]);
    await expect(upload(page, "a.txt")).toContainText("Verified");
    const button = panel(page).getByRole("button", { name: last });
    await expect(button).toBeVisible();
    // Recorded when the panel is removed, before a key could be pressed.
    const focused = await button.evaluate(
      (it: HTMLElement) =>
        new Promise<string | undefined>((resolve) => {
          const gone = new MutationObserver(() => {
            if (!it.isConnected) {
              gone.disconnect();
              resolve(document.activeElement?.id);
            }
          });
          gone.observe(document.body, { childList: true, subtree: true });
          it.focus();
          it.click();
        }),
    );
    expect(focused).toBe("main");
  });
}

test("the focus stays in the panel when the focused row disappears", async ({ page, local }) => {
  await local.write("a.txt", "content");
  await local.write("b.txt", "content");
  await open(page);
  await chooseFiles(page, [local.at("a.txt"), local.at("b.txt")]);
  await expect(panel(page)).toContainText("all verified");
  const take = (name: string) => upload(page, name).getByRole("button", { name: `Remove ${name} from the list` });
  await take("b.txt").focus();
  await page.keyboard.press("Enter");
  await expect(upload(page, "b.txt")).toHaveCount(0);
  await expect(upload(page, "a.txt").getByRole("button").first()).toBeFocused();
});

test.describe("on a read-only server", () => {
  test.use({ flags: ["--anonymous", "read"] });

  test("no file can be uploaded, and the page explains why", async ({ page, tree, local }) => {
    await tree.write("a.txt", "a");
    await local.write("b.txt", "b");
    await open(page);
    await expect(row(page, "a.txt")).toBeVisible();
    await expect(page.getByRole("button", { name: "Upload", exact: true })).toHaveCount(0);
    await page.getByRole("button", { name: "Read-only" }).first().click();
    await expect(page.getByText("The administrator can allow changes").first()).toBeVisible();
    await drop(page, page.locator(".grid .port"), [local.at("b.txt")]);
    await expect(panel(page)).toHaveCount(0);
    expect((await readdir(tree.root)).filter((name) => !name.startsWith("."))).toEqual(["a.txt"]);
  });
});

const MANY = Number(process.env.PASSERELLE_E2E_FILES ?? 1_000);

test(`${MANY} small files are uploaded, and the page stays responsive`, async ({ page, tree, local }) => {
  test.setTimeout(120_000 + MANY * 180);
  await Promise.all(Array.from({ length: MANY }, (_, index) => local.write(`many/${index % 10}/file ${index}.txt`, `${index}`)));
  await tree.write("there.txt", "t");
  await open(page);
  await expect(row(page, "there.txt")).toBeVisible();
  await drop(page, page.locator(".grid .port"), [local.at("many")]);
  await expect(panel(page).getByRole("heading")).toHaveText(`${MANY.toLocaleString("en")} files uploaded`, {
    timeout: 60_000 + MANY * 150,
  });
  expect(await panel(page).getByRole("listitem").count()).toBeLessThan(40);
  const there = await readdir(tree.at("many"), { recursive: true });
  expect(there.length).toBe(MANY + 10);
  await row(page, "there.txt").click();
  await expectFocus(page, "there.txt");
});
