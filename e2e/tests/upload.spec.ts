//! Uploads: several files, folders, what is there already, what goes wrong. Nothing is lost, and what is there is whole.

import { readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";

import { expect } from "../fixtures.ts";
import { expectFocus, open, row } from "./page.ts";
import { choose, drop, expectSame, file, large, panel, test, upload } from "./uploading.ts";

test("several files are uploaded, verified, listed, and keep their time", async ({ page, tree, mine }) => {
  await mine.write("one.txt", "1".repeat(1_000));
  await mine.write("déjà vu.txt", "2");
  await mine.write("empty", "");
  await utimes(mine.at("one.txt"), 1_500_000_000, 1_500_000_000);
  await open(page);
  await choose(page, [mine.at("one.txt"), mine.at("déjà vu.txt"), mine.at("empty")]);
  await expect(panel(page).getByRole("heading")).toHaveText("3 files uploaded");
  await expect(panel(page)).toContainText("all verified");
  for (const name of ["one.txt", "déjà vu.txt", "empty"]) {
    await expect(row(page, name)).toBeVisible();
    await expect(upload(page, name)).toContainText("Verified");
    await expectSame(tree, name, mine.at(name));
  }
  expect((await stat(tree.at("one.txt"))).mtimeMs).toBe(1_500_000_000_000);
});

test("a large file goes in slices and is verified", async ({ page, tree, mine }) => {
  const path = await large(mine, "large.bin", 50_000_000);
  await open(page);
  await choose(page, [path]);
  await expect(upload(page, "large.bin")).toContainText("Verified", { timeout: 60_000 });
  await expectSame(tree, "large.bin", path);
});

test("a folder is dropped with all that is in it, empty folders too", async ({ page, tree, mine }) => {
  await mine.write("Trip/a.txt", "a");
  await mine.write("Trip/deep/er/b.txt", "b");
  await mine.folder("Trip/nothing");
  await mine.write("loose.txt", "l");
  await tree.write("there.txt", "t");
  await open(page);
  await expect(row(page, "there.txt")).toBeVisible();
  await drop(page, page.locator(".grid .port"), [mine.at("Trip"), mine.at("loose.txt")]);
  await expect(panel(page).getByRole("heading")).toHaveText("3 files uploaded");
  await expect(row(page, "Trip")).toBeVisible();
  expect(await readFile(tree.at("Trip/deep/er/b.txt"), "utf8")).toBe("b");
  await expect.poll(() => readdir(tree.at("Trip"))).toEqual(expect.arrayContaining(["a.txt", "deep", "nothing"]));
  expect(await readFile(tree.at("loose.txt"), "utf8")).toBe("l");
});

test("a drop on a folder goes into it, and says so before", async ({ page, tree, mine }) => {
  await tree.folder("Inbox");
  await mine.write("letter.txt", "l");
  await open(page);
  await drop(page, row(page, "Inbox"), [mine.at("letter.txt")]);
  await expect(upload(page, "letter.txt")).toContainText("Verified");
  expect(await readFile(tree.at("Inbox/letter.txt"), "utf8")).toBe("l");
  await upload(page, "letter.txt").getByRole("button", { name: "Show letter.txt in its folder" }).click();
  await expect(row(page, "letter.txt")).toBeVisible();
});

test("what is there is asked about once for all, and each answer does what it says", async ({ page, tree, mine }) => {
  for (const name of ["a.txt", "b.txt", "c.txt", "same.txt"]) {
    await mine.write(name, `new ${name}`);
    await tree.write(name, name === "same.txt" ? `new ${name}` : "old");
  }
  await open(page);
  await choose(page, [mine.at("a.txt"), mine.at("same.txt")]);
  const dialog = page.getByRole("dialog", { name: "A file with this name already exists" });
  await expect(dialog).toContainText("“a.txt” is there already");
  await expect(dialog).toContainText("9 B");
  await expect(dialog).toContainText("3 B");
  await expect(dialog.getByRole("button", { name: "Keep both" })).toBeFocused();
  await dialog.getByRole("button", { name: "Keep both" }).click();
  await expect(upload(page, "same.txt")).toContainText("Already there, identical");
  await expect(panel(page)).toContainText("1 was there already");
  await expect(row(page, "a (2).txt")).toBeVisible();
  expect(await readFile(tree.at("a (2).txt"), "utf8")).toBe("new a.txt");
  expect(await readFile(tree.at("a.txt"), "utf8")).toBe("old");

  await choose(page, ["a.txt", "b.txt", "c.txt"].map((name) => mine.at(name)));
  await dialog.getByRole("checkbox", { name: "Do the same for 2 others" }).check();
  await dialog.getByRole("button", { name: "Replace" }).click();
  await expect(panel(page).getByRole("heading")).toHaveText("3 files uploaded");
  for (const name of ["a.txt", "b.txt", "c.txt"]) {
    expect(await readFile(tree.at(name), "utf8")).toBe(`new ${name}`);
  }

  await mine.write("b.txt", "newer still");
  await choose(page, [mine.at("b.txt")]);
  await dialog.getByRole("button", { name: "Skip" }).click();
  await expect(upload(page, "b.txt")).toContainText("Skipped");
  expect(await readFile(tree.at("b.txt"), "utf8")).toBe("new b.txt");
});

test("a question that is put off waits in the panel", async ({ page, tree, mine }) => {
  await tree.write("a.txt", "old");
  await mine.write("a.txt", "newer");
  await open(page);
  await choose(page, [mine.at("a.txt")]);
  const dialog = page.getByRole("dialog", { name: "A file with this name already exists" });
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await upload(page, "a.txt").getByRole("button", { name: "Decide about a.txt" }).click();
  await dialog.getByRole("button", { name: "Replace" }).click();
  await expect(upload(page, "a.txt")).toContainText("Verified");
  expect(await readFile(tree.at("a.txt"), "utf8")).toBe("newer");
});

test("a file changed by somebody else since it was asked about is asked about again", async ({ page, tree, mine }) => {
  await tree.write("a.txt", "old");
  await mine.write("a.txt", "mine, and longer");
  await open(page);
  await choose(page, [mine.at("a.txt")]);
  const dialog = page.getByRole("dialog", { name: "A file with this name already exists" });
  await expect(dialog).toContainText("3 B");
  await writeFile(tree.at("a.txt"), "somebody was here");
  await dialog.getByRole("button", { name: "Replace" }).click();
  await expect(dialog).toContainText("17 B");
  expect(await readFile(tree.at("a.txt"), "utf8")).toBe("somebody was here");
  await dialog.getByRole("button", { name: "Keep both" }).click();
  await expect(upload(page, "a.txt")).toContainText("Verified");
  expect(await readFile(tree.at("a.txt"), "utf8")).toBe("somebody was here");
  expect(await readFile(tree.at("a (2).txt"), "utf8")).toBe("mine, and longer");
});

test("a failure stays with its cause until it is retried", async ({ page, tree }) => {
  await open(page);
  const problem = { type: "about:blank", status: 507, code: "no_space", title: "full" };
  await page.route("**/files/*", (route) =>
    route.fulfill({ status: 507, contentType: "application/problem+json", body: JSON.stringify(problem) }),
  );
  await choose(page, [file("big.txt", "x".repeat(2_000))]);
  await expect(upload(page, "big.txt")).toContainText("Not enough space: 2.0 kB more needed.");
  await expect(page.getByRole("alert").filter({ hasText: "1 file needs you" })).toHaveCount(1);
  await choose(page, [file("other.txt", "y")]);
  await expect(upload(page, "other.txt")).toContainText("Not enough space");
  await expect(upload(page, "big.txt")).toBeVisible();
  await page.unroute("**/files/*");
  await upload(page, "big.txt").getByRole("button", { name: "Retry big.txt" }).click();
  await expect(upload(page, "big.txt")).toContainText("Verified");
  await upload(page, "other.txt").getByRole("button", { name: "Take other.txt off the list" }).click();
  await expect(upload(page, "other.txt")).toHaveCount(0);
  expect((await readdir(tree.root)).filter((name) => !name.startsWith("."))).toEqual(["big.txt"]);
});

test("an answer that was lost on the way raises no question: the file is there", async ({ page, tree }) => {
  await open(page);
  let lost = 0;
  await page.route("**/files/notes.txt", async (route) => {
    if (lost++ > 0) {
      return route.continue();
    }
    await route.fetch();
    await route.abort("connectionreset");
  });
  await choose(page, [file("notes.txt", "Milk")]);
  await expect(upload(page, "notes.txt")).toContainText("Verified");
  expect(lost).toBeGreaterThan(1);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect((await readdir(tree.root)).filter((name) => !name.startsWith("."))).toEqual(["notes.txt"]);
});

test("files are pasted", async ({ page, tree }) => {
  await tree.write("there.txt", "t");
  await open(page);
  await expect(row(page, "there.txt")).toBeVisible();
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File(["from the clipboard"], "pasted.txt"));
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await expect(upload(page, "pasted.txt")).toContainText("Verified");
  expect(await readFile(tree.at("pasted.txt"), "utf8")).toBe("from the clipboard");
});

test("uploading takes no more than the keyboard", async ({ page, tree, mine }) => {
  await tree.write("a.txt", "old");
  await mine.write("a.txt", "new and longer");
  await open(page);
  await expect(row(page, "a.txt")).toBeVisible();
  const button = page.getByRole("button", { name: "Upload", exact: true }).first();
  for (let press = 0; press < 30 && !(await button.evaluate((it) => it === document.activeElement)); press += 1) {
    await page.keyboard.press("Tab");
  }
  await expect(button).toBeFocused();
  const picker = page.waitForEvent("filechooser");
  await page.keyboard.press("Enter");
  await (await picker).setFiles([mine.at("a.txt")]);
  await expect(page.getByRole("button", { name: "Keep both" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(upload(page, "a.txt")).toContainText("Verified");
  const dismiss = upload(page, "a.txt").getByRole("button", { name: "Take a.txt off the list" });
  await dismiss.focus();
  await page.keyboard.press("Enter");
  await expect(panel(page)).toHaveCount(0);
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.tagName)).not.toBe("BODY");
});

for (const last of ["Take a.txt off the list", "Close"]) {
  test(`the focus is never lost when the panel goes by “${last}”`, async ({ page, mine }) => {
    await mine.write("a.txt", "content");
    await open(page);
    await choose(page, [mine.at("a.txt")]);
    await expect(upload(page, "a.txt")).toContainText("Verified");
    const button = panel(page).getByRole("button", { name: last });
    await expect(button).toBeVisible();
    // Seen in the very moment in which the panel goes, before any key could come.
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

test("the focus stays in the panel when a row goes from under it", async ({ page, mine }) => {
  await mine.write("a.txt", "content");
  await mine.write("b.txt", "content");
  await open(page);
  await choose(page, [mine.at("a.txt"), mine.at("b.txt")]);
  await expect(panel(page)).toContainText("all verified");
  const take = (name: string) => upload(page, name).getByRole("button", { name: `Take ${name} off the list` });
  await take("b.txt").focus();
  await page.keyboard.press("Enter");
  await expect(upload(page, "b.txt")).toHaveCount(0);
  await expect(upload(page, "a.txt").getByRole("button").first()).toBeFocused();
});

test.describe("on a server that only reads", () => {
  test.use({ flags: ["--anonymous", "read"] });

  test("nothing can be uploaded, and the page says why", async ({ page, tree, mine }) => {
    await tree.write("a.txt", "a");
    await mine.write("b.txt", "b");
    await open(page);
    await expect(row(page, "a.txt")).toBeVisible();
    await expect(page.getByRole("button", { name: "Upload", exact: true })).toHaveCount(0);
    await page.getByRole("button", { name: "Read-only" }).first().click();
    await expect(page.getByText("--anonymous write").first()).toBeVisible();
    await drop(page, page.locator(".grid .port"), [mine.at("b.txt")]);
    await expect(panel(page)).toHaveCount(0);
    expect((await readdir(tree.root)).filter((name) => !name.startsWith("."))).toEqual(["a.txt"]);
  });
});

const MANY = Number(process.env.PASSERELLE_E2E_FILES ?? 1_000);

test(`${MANY} small files arrive, and the page stays fluid`, async ({ page, tree, mine }) => {
  test.setTimeout(120_000 + MANY * 180);
  await Promise.all(Array.from({ length: MANY }, (_, index) => mine.write(`many/${index % 10}/file ${index}.txt`, `${index}`)));
  await tree.write("there.txt", "t");
  await open(page);
  await expect(row(page, "there.txt")).toBeVisible();
  await drop(page, page.locator(".grid .port"), [mine.at("many")]);
  await expect(panel(page).getByRole("heading")).toHaveText(`${MANY.toLocaleString("en")} files uploaded`, {
    timeout: 60_000 + MANY * 150,
  });
  expect(await panel(page).getByRole("listitem").count()).toBeLessThan(40);
  const there = await readdir(tree.at("many"), { recursive: true });
  expect(there.length).toBe(MANY + 10);
  await row(page, "there.txt").click();
  await expectFocus(page, "there.txt");
});
