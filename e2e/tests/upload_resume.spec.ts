//! Uploads that something ends in the middle: they go on from where the server stands, and what is there is whole.

import { watch } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";

import { expect, Server } from "../fixtures.ts";
import { choose, drop, expectSame, file, large, Line, panel, test, upload } from "./uploading.ts";

const SIZE = 60_000_000;
/** Somewhere after the first slice of 8 MiB, which is durable by then. */
const SOME = 20_000_000;

const LOST = "Paused: connection lost. Will resume automatically.";

/** Starts an upload of which only a part goes through. */
async function begin(page: Page, line: Line, path: string): Promise<void> {
  line.allow(SOME);
  await page.goto(`${line.address}/`);
  await choose(page, [path]);
  await expect.poll(() => line.passed).toBeGreaterThan(SOME - (1 << 20));
}

/** Expects that it went on, and did not start again. */
function expectResumed(line: Line, before: number): void {
  expect(line.passed - before).toBeLessThan(SIZE - 4_000_000);
}

async function visible(root: string): Promise<string[]> {
  return (await readdir(root)).filter((name) => !name.startsWith("."));
}

test("an upload is paused and goes on", async ({ page, line, tree, mine }) => {
  const path = await large(mine, "film.mkv", SIZE);
  await begin(page, line, path);
  await expect(page).toHaveTitle(/^\d+% · /);
  await upload(page, "film.mkv").getByRole("button", { name: "Pause film.mkv" }).click();
  await expect(upload(page, "film.mkv")).toContainText("Paused at");
  await expect(panel(page).getByRole("heading")).toHaveText("Uploads paused");
  expect(await visible(tree.root)).toEqual([]);
  line.allow(Infinity);
  const before = line.passed;
  await upload(page, "film.mkv").getByRole("button", { name: "Resume film.mkv" }).click();
  await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 60_000 });
  await expectSame(tree, "film.mkv", path);
  expectResumed(line, before);
});

for (const way of ["chosen by its button", "dropped on the page"]) {
  test(`after a reload the file is ${way} and the upload goes on`, async ({ page, line, tree, mine }) => {
    const path = await large(mine, "film.mkv", SIZE);
    await begin(page, line, path);
    const warned = page.waitForEvent("dialog");
    page.on("dialog", (dialog) => dialog.accept());
    await page.reload();
    expect((await warned).type()).toBe("beforeunload");
    await expect(upload(page, "film.mkv")).toContainText("Unfinished: choose this file again to go on from");
    line.allow(Infinity);
    const before = line.passed;
    if (way === "dropped on the page") {
      await drop(page, page.locator("main"), [path]);
    } else {
      const picker = page.waitForEvent("filechooser");
      await upload(page, "film.mkv").getByRole("button", { name: "Choose film.mkv again" }).click();
      await (await picker).setFiles([path]);
    }
    await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 60_000 });
    await expect(panel(page).getByRole("listitem")).toHaveCount(1);
    await expectSame(tree, "film.mkv", path);
    expectResumed(line, before);
    expect(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes("upload")))).toEqual([]);
  });
}

test("after a reload a file that the browser still knows goes on by itself", async ({ page, line, tree, mine }) => {
  const path = await large(mine, "film.mkv", SIZE);
  line.allow(SOME);
  await page.goto(`${line.address}/`);
  await expect(page.getByRole("button", { name: "Upload", exact: true }).first()).toBeVisible();
  // The origin's private files have handles of the same kind as a dropped file's.
  await page.evaluate(async (size) => {
    const folder = await navigator.storage.getDirectory();
    const handle = await folder.getFileHandle("film.mkv", { create: true });
    const writing = await handle.createWritable();
    await writing.write(new Uint8Array(size).fill(7));
    await writing.close();
    const data = new DataTransfer();
    data.items.add(await handle.getFile());
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, SIZE);
  await expect.poll(() => line.passed).toBeGreaterThan(SOME - (1 << 20));
  await page.evaluate(async () => {
    const upload = Object.keys(localStorage).find((key) => key.startsWith("passerelle.upload:"))!.split(":")[1]!;
    const folder = await navigator.storage.getDirectory();
    const handle = await folder.getFileHandle("film.mkv");
    await new Promise((resolve, reject) => {
      const opening = indexedDB.open("passerelle");
      opening.onupgradeneeded = () => opening.result.createObjectStore("handles");
      opening.onerror = reject;
      opening.onsuccess = () => {
        const writing = opening.result.transaction(["handles"], "readwrite");
        writing.objectStore("handles").put(handle, upload);
        writing.oncomplete = () => (opening.result.close(), resolve(null));
      };
    });
  });
  page.on("dialog", (dialog) => dialog.accept());
  line.allow(Infinity);
  await page.reload();
  await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 60_000 });
  expect(path && (await visible(tree.root))).toEqual(["film.mkv"]);
});

test("a lost connection pauses, and its return resumes, by itself", async ({ page, line, tree, mine }) => {
  const path = await large(mine, "film.mkv", SIZE);
  await begin(page, line, path);
  line.down = true;
  line.cut();
  await expect(panel(page).getByRole("heading")).toHaveText(LOST);
  line.allow(Infinity);
  const before = line.passed;
  line.down = false;
  await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 90_000 });
  await expectSame(tree, "film.mkv", path);
  expectResumed(line, before);
});

test("without a network nothing is tried, and with it at once", async ({ page, context, line, tree, mine }) => {
  const path = await large(mine, "film.mkv", SIZE);
  await begin(page, line, path);
  await context.setOffline(true);
  await expect(panel(page).getByRole("heading")).toHaveText(LOST);
  line.allow(Infinity);
  await context.setOffline(false);
  await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 60_000 });
  await expectSame(tree, "film.mkv", path);
});

test("a server that is killed in the middle and comes back gets the rest", async ({ page, tree, mine }) => {
  const path = await large(mine, "film.mkv", SIZE);
  const state = await mkdtemp(join(tmpdir(), "passerelle-e2e-state-"));
  const flags = ["--anonymous", "write"];
  const first = await Server.start(tree.root, state, flags);
  const line = await Line.to(first.http);
  await begin(page, line, path);
  await first.stop("SIGKILL");
  await expect(panel(page).getByRole("heading")).toHaveText(LOST);
  expect(await visible(tree.root)).toEqual([]);
  const second = await Server.start(tree.root, state, flags);
  line.target = second.http;
  line.allow(Infinity);
  const before = line.passed;
  await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 90_000 });
  await expectSame(tree, "film.mkv", path);
  expectResumed(line, before);
  await line.close();
  await second.stop();
  await rm(state, { recursive: true, force: true });
});

test("an upload that the server gave up starts again", async ({ page, line, tree, mine }) => {
  const path = await large(mine, "film.mkv", SIZE);
  await begin(page, line, path);
  await upload(page, "film.mkv").getByRole("button", { name: "Pause film.mkv" }).click();
  const gone = await page.evaluate(async () => {
    const id = Object.keys(localStorage).find((key) => key.startsWith("passerelle.upload:"))!.split(":")[1]!;
    return (await fetch(`api/v1/uploads/${id}`, { method: "DELETE", headers: { "tus-resumable": "1.0.0" } })).status;
  });
  expect(gone).toBe(204);
  line.allow(Infinity);
  await upload(page, "film.mkv").getByRole("button", { name: "Resume film.mkv" }).click();
  await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 60_000 });
  await expectSame(tree, "film.mkv", path);
});

test("a cancelled upload leaves nothing behind", async ({ page, line, server, tree, mine }) => {
  const path = await large(mine, "film.mkv", SIZE);
  await begin(page, line, path);
  await upload(page, "film.mkv").getByRole("button", { name: "Cancel film.mkv" }).click();
  await expect(panel(page)).toHaveCount(0);
  const uploads = async () => (await (await fetch(`${server.http}/api/v1/uploads`)).json()).uploads.length;
  line.allow(Infinity);
  await expect.poll(uploads).toBe(0);
  expect(await visible(tree.root)).toEqual([]);
  expect(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes("upload")))).toEqual([]);
});

test("bytes that change on the way never become a small file", async ({ page, line, tree }) => {
  line.damage = (piece) => Buffer.from(piece).fill(0x78, 0, 1);
  await page.goto(`${line.address}/`);
  await choose(page, [file("contract.txt", "I owe you nothing")]);
  await expect(upload(page, "contract.txt")).toContainText("What arrived is not the same");
  expect(await visible(tree.root)).toEqual([]);
  line.damage = (piece) => piece;
  await upload(page, "contract.txt").getByRole("button", { name: "Retry contract.txt" }).click();
  await expect(upload(page, "contract.txt")).toContainText("Verified");
});

/** Changes one bit on the way, once that many bytes have passed. */
function spoil(line: Line, after: number): void {
  let done = false;
  line.damage = (piece) => {
    if (done || line.passed < after) {
      return piece;
    }
    done = true;
    const changed = Buffer.from(piece);
    changed[0]! ^= 1;
    return changed;
  };
}

for (const [part, after] of [["the middle", SOME], ["the last slice", SIZE - 1_000_000]] as const) {
  test(`a large file of which ${part} changes on the way is never seen, and is sent again`, async ({ page, line, server, tree, mine }) => {
    const path = await large(mine, "film.mkv", SIZE);
    // Every name that appears in the folder, however briefly.
    const seen = new Set<string | null>();
    const watching = watch(tree.root, (_, name) => seen.add(name));
    spoil(line, after);
    await page.goto(`${line.address}/`);
    await choose(page, [path]);
    await expect(upload(page, "film.mkv")).toContainText("What arrived is not the same", { timeout: 60_000 });
    expect(await visible(tree.root)).toEqual([]);
    expect([...seen]).not.toContain("film.mkv");
    // It cannot be saved any more, and takes no room.
    const uploads = async () => (await (await fetch(`${server.http}/api/v1/uploads`)).json()).uploads.length;
    await expect.poll(uploads).toBe(0);
    await upload(page, "film.mkv").getByRole("button", { name: "Retry film.mkv" }).click();
    await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 60_000 });
    await expectSame(tree, "film.mkv", path);
    await expect.poll(() => [...seen], "the watch sees what appears").toContain("film.mkv");
    watching.close();
  });
}

test("damage that the page could not hear of is found when it asks again", async ({ page, line, tree, mine }) => {
  const path = await large(mine, "film.mkv", SIZE);
  const seen = new Set<string | null>();
  const watching = watch(tree.root, (_, name) => seen.add(name));
  spoil(line, SOME);
  let lost = 0;
  line.loses = (request, status) => request.method === "PATCH" && status === 460 && lost++ === 0;
  await page.goto(`${line.address}/`);
  await choose(page, [path]);
  await expect(upload(page, "film.mkv")).toContainText("What arrived is not the same", { timeout: 90_000 });
  expect(lost).toBe(1);
  expect([...seen]).not.toContain("film.mkv");
  watching.close();
});

test("the last bytes wait for the hash", async ({ page, line, tree, mine }) => {
  const path = await large(mine, "film.mkv", SIZE);
  // A hasher that reads nothing before it may.
  await page.addInitScript(() => {
    const post = Worker.prototype.postMessage;
    const held: (() => void)[] = [];
    (window as unknown as { hash: () => void }).hash = () => held.splice(0).forEach((go) => go());
    Worker.prototype.postMessage = function (this: Worker, message: unknown) {
      held.push(() => post.call(this, message));
    } as typeof post;
  });
  await page.goto(`${line.address}/`);
  await choose(page, [path]);
  await expect(upload(page, "film.mkv")).toContainText("Verifying…", { timeout: 60_000 });
  expect(line.passed).toBeLessThan(SIZE);
  expect(await visible(tree.root)).toEqual([]);
  await upload(page, "film.mkv").getByRole("button", { name: "Pause film.mkv" }).click();
  await expect(upload(page, "film.mkv")).toContainText("Paused at");
  await upload(page, "film.mkv").getByRole("button", { name: "Resume film.mkv" }).click();
  await expect(upload(page, "film.mkv")).toContainText("Verifying…");
  await page.evaluate(() => (window as unknown as { hash: () => void }).hash());
  await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 60_000 });
  await expectSame(tree, "film.mkv", path);
});

test("giving all up asks first once much was sent", async ({ page, line, tree, mine }) => {
  const paths = [await large(mine, "film.mkv", SIZE), await large(mine, "sequel.mkv", SIZE)];
  line.allow(SOME * 2);
  await page.goto(`${line.address}/`);
  await choose(page, paths);
  await expect.poll(() => line.passed).toBeGreaterThan(2 * SOME - (1 << 20));
  await panel(page).getByRole("button", { name: "Cancel all" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel all uploads?" });
  await expect(dialog).toContainText("were sent already");
  await expect(dialog.getByRole("button", { name: "Keep them" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(panel(page).getByRole("listitem").filter({ visible: true })).toHaveCount(2);
  await panel(page).getByRole("button", { name: "Cancel all" }).click();
  await dialog.getByRole("button", { name: "Cancel all" }).click();
  await expect(panel(page)).toHaveCount(0);
  expect(await visible(tree.root)).toEqual([]);
});
