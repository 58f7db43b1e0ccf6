//! Interrupted uploads: they continue from the server's offset, and every published file is complete.

import { watch } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";

import { expect, Server } from "../fixtures.ts";
import { chooseFiles, drop, expectSameBytes, file, filePicker, writeRandomFile, Network, panel, test, upload } from "../helpers/uploads.ts";

const SIZE = 60_000_000;
/** An offset after the first slice of 8 MiB, which is durable by then. */
const PART = 20_000_000;

const LOST = "Paused: connection lost. Will resume automatically.";

/** Starts an upload of which the proxy forwards a part. */
async function begin(page: Page, network: Network, path: string): Promise<void> {
  network.allow(PART);
  await page.goto(`${network.address}/`);
  await chooseFiles(page, [path]);
  await expect.poll(() => network.forwarded).toBeGreaterThan(PART - (1 << 20));
}

/** Expects that the upload continued and did not start over. */
function expectResumed(network: Network, before: number): void {
  expect(network.forwarded - before).toBeLessThan(SIZE - 4_000_000);
}

async function visible(root: string): Promise<string[]> {
  return (await readdir(root)).filter((name) => !name.startsWith("."));
}

test("a paused upload is resumed", async ({ page, network, tree, local }) => {
  const path = await writeRandomFile(local, "film.mkv", SIZE);
  await begin(page, network, path);
  await expect(page).toHaveTitle(/^\d+% · /);
  await upload(page, "film.mkv").getByRole("button", { name: "Pause film.mkv" }).click();
  await expect(upload(page, "film.mkv")).toContainText("Paused at");
  await expect(panel(page).getByRole("heading")).toHaveText("Uploads paused");
  expect(await visible(tree.root)).toEqual([]);
  network.allow(Infinity);
  const before = network.forwarded;
  await upload(page, "film.mkv").getByRole("button", { name: "Resume film.mkv" }).click();
  await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 60_000 });
  await expectSameBytes(tree, "film.mkv", path);
  expectResumed(network, before);
});

for (const way of ["selected by its button", "dropped on the page"]) {
  test(`after a reload the upload continues when the file is ${way}`, async ({ page, network, tree, local }) => {
    const path = await writeRandomFile(local, "film.mkv", SIZE);
    await begin(page, network, path);
    const warned = page.waitForEvent("dialog");
    page.on("dialog", (dialog) => dialog.accept());
    await page.reload();
    expect((await warned).type()).toBe("beforeunload");
    await expect(upload(page, "film.mkv")).toContainText("Unfinished: select this file again to continue from");
    network.allow(Infinity);
    const before = network.forwarded;
    if (way === "dropped on the page") {
      await drop(page, page.locator("main"), [path]);
    } else {
      const button = upload(page, "film.mkv").getByRole("button", { name: "Select film.mkv again" });
      const picker = await filePicker(page, () => button.click());
      await picker.setFiles([path]);
    }
    await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 60_000 });
    await expect(panel(page).getByRole("listitem")).toHaveCount(1);
    await expectSameBytes(tree, "film.mkv", path);
    expectResumed(network, before);
    expect(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes("upload")))).toEqual([]);
  });
}

test("after a reload an upload with a stored file handle continues by itself", async ({ page, network, tree, local }) => {
  const path = await writeRandomFile(local, "film.mkv", SIZE);
  network.allow(PART);
  await page.goto(`${network.address}/`);
  await expect(page.getByRole("button", { name: "Upload", exact: true }).first()).toBeVisible();
  // Files of the origin private file system have handles of the same kind as dropped files.
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
  await expect.poll(() => network.forwarded).toBeGreaterThan(PART - (1 << 20));
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
  network.allow(Infinity);
  await page.reload();
  await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 60_000 });
  expect(path && (await visible(tree.root))).toEqual(["film.mkv"]);
});

test("an upload pauses when the connection is lost and continues when it returns", async ({ page, network, tree, local, faults }) => {
  faults.allowLostConnections();
  const path = await writeRandomFile(local, "film.mkv", SIZE);
  await begin(page, network, path);
  network.down = true;
  network.cut();
  await expect(panel(page).getByRole("heading")).toHaveText(LOST);
  network.allow(Infinity);
  const before = network.forwarded;
  network.down = false;
  await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 90_000 });
  await expectSameBytes(tree, "film.mkv", path);
  expectResumed(network, before);
});

test("no attempt is made offline, and one at once when online", async ({ page, context, network, tree, local, faults }) => {
  faults.expectFailedLoads("ERR_INTERNET_DISCONNECTED");
  const path = await writeRandomFile(local, "film.mkv", SIZE);
  await begin(page, network, path);
  await context.setOffline(true);
  await expect(panel(page).getByRole("heading")).toHaveText(LOST);
  network.allow(Infinity);
  await context.setOffline(false);
  await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 60_000 });
  await expectSameBytes(tree, "film.mkv", path);
});

test("an upload continues after the server was killed and restarted", async ({ page, tree, local, faults }) => {
  faults.allowLostConnections();
  const path = await writeRandomFile(local, "film.mkv", SIZE);
  const state = await mkdtemp(join(tmpdir(), "passerelle-e2e-state-"));
  const flags = ["--anonymous", "write"];
  const first = await Server.start(tree.root, state, flags);
  const network = await Network.to(first.http);
  await begin(page, network, path);
  await first.stop("SIGKILL");
  await expect(panel(page).getByRole("heading")).toHaveText(LOST);
  expect(await visible(tree.root)).toEqual([]);
  const second = await Server.start(tree.root, state, flags);
  network.target = second.http;
  network.allow(Infinity);
  const before = network.forwarded;
  await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 90_000 });
  await expectSameBytes(tree, "film.mkv", path);
  expectResumed(network, before);
  await network.close();
  await second.stop();
  await rm(state, { recursive: true, force: true });
});

test("an upload that expired at the server starts over", async ({ page, network, tree, local, faults }) => {
  faults.expectFailedLoads(404);
  const path = await writeRandomFile(local, "film.mkv", SIZE);
  await begin(page, network, path);
  await upload(page, "film.mkv").getByRole("button", { name: "Pause film.mkv" }).click();
  const gone = await page.evaluate(async () => {
    const id = Object.keys(localStorage).find((key) => key.startsWith("passerelle.upload:"))!.split(":")[1]!;
    return (await fetch(`api/v1/uploads/${id}`, { method: "DELETE", headers: { "tus-resumable": "1.0.0" } })).status;
  });
  expect(gone).toBe(204);
  network.allow(Infinity);
  await upload(page, "film.mkv").getByRole("button", { name: "Resume film.mkv" }).click();
  await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 60_000 });
  await expectSameBytes(tree, "film.mkv", path);
});

test("a cancelled upload leaves no bytes at the server", async ({ page, network, server, tree, local }) => {
  const path = await writeRandomFile(local, "film.mkv", SIZE);
  await begin(page, network, path);
  await upload(page, "film.mkv").getByRole("button", { name: "Cancel film.mkv" }).click();
  await expect(panel(page)).toHaveCount(0);
  const uploads = async () => (await (await fetch(`${server.http}/api/v1/uploads`)).json()).uploads.length;
  network.allow(Infinity);
  await expect.poll(uploads).toBe(0);
  expect(await visible(tree.root)).toEqual([]);
  expect(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes("upload")))).toEqual([]);
});

test("corrupted bytes are never published as a small file", async ({ page, network, tree, faults }) => {
  faults.expectFailedLoads(400);
  network.transform = (piece) => Buffer.from(piece).fill(0x78, 0, 1);
  await page.goto(`${network.address}/`);
  await chooseFiles(page, [file("contract.txt", "I owe you nothing")]);
  await expect(upload(page, "contract.txt")).toContainText("The file arrived damaged");
  expect(await visible(tree.root)).toEqual([]);
  network.transform = (piece) => piece;
  await upload(page, "contract.txt").getByRole("button", { name: "Retry contract.txt" }).click();
  await expect(upload(page, "contract.txt")).toContainText("Verified");
});

/** Flips one bit in transit after that many bytes. */
function corruptOneBit(network: Network, after: number): void {
  let done = false;
  network.transform = (piece) => {
    if (done || network.forwarded < after) {
      return piece;
    }
    done = true;
    const changed = Buffer.from(piece);
    changed[0]! ^= 1;
    return changed;
  };
}

for (const [part, after] of [["the middle", PART], ["the last slice", SIZE - 1_000_000]] as const) {
  test(`a large file with ${part} corrupted is never visible, and is sent again`, async ({ page, network, server, tree, local, faults }) => {
    faults.expectFailedLoads(460);
    const path = await writeRandomFile(local, "film.mkv", SIZE);
    // Every name that ever appears in the folder.
    const seen = new Set<string | null>();
    const watching = watch(tree.root, (_, name) => seen.add(name));
    corruptOneBit(network, after);
    await page.goto(`${network.address}/`);
    await chooseFiles(page, [path]);
    await expect(upload(page, "film.mkv")).toContainText("The file arrived damaged", { timeout: 60_000 });
    expect(await visible(tree.root)).toEqual([]);
    expect([...seen]).not.toContain("film.mkv");
    // The server drops the corrupted upload.
    const uploads = async () => (await (await fetch(`${server.http}/api/v1/uploads`)).json()).uploads.length;
    await expect.poll(uploads).toBe(0);
    await upload(page, "film.mkv").getByRole("button", { name: "Retry film.mkv" }).click();
    await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 60_000 });
    await expectSameBytes(tree, "film.mkv", path);
    await expect.poll(() => [...seen], "the watch reports new files").toContain("film.mkv");
    watching.close();
  });
}

test("corruption is reported by the next request if its response was lost", async ({ page, network, tree, local, faults }) => {
  faults.allowLostConnections();
  // Which request reports it depends on the moment.
  faults.allowFailedLoads(404, 409, 460);
  const path = await writeRandomFile(local, "film.mkv", SIZE);
  const seen = new Set<string | null>();
  const watching = watch(tree.root, (_, name) => seen.add(name));
  corruptOneBit(network, PART);
  let lost = 0;
  network.dropsResponse = (request, status) => request.method === "PATCH" && status === 460 && lost++ === 0;
  await page.goto(`${network.address}/`);
  await chooseFiles(page, [path]);
  await expect(upload(page, "film.mkv")).toContainText("The file arrived damaged", { timeout: 90_000 });
  expect(lost).toBe(1);
  expect([...seen]).not.toContain("film.mkv");
  watching.close();
});

test("the last slice waits for the hash", async ({ page, network, tree, local }) => {
  const path = await writeRandomFile(local, "film.mkv", SIZE);
  // A hasher that reads no file before the test allows it.
  await page.addInitScript(() => {
    const post = Worker.prototype.postMessage;
    const held: (() => void)[] = [];
    (window as unknown as { hash: () => void }).hash = () => held.splice(0).forEach((go) => go());
    Worker.prototype.postMessage = function (this: Worker, message: unknown) {
      held.push(() => post.call(this, message));
    } as typeof post;
  });
  await page.goto(`${network.address}/`);
  await chooseFiles(page, [path]);
  await expect(upload(page, "film.mkv")).toContainText("Verifying…", { timeout: 60_000 });
  expect(network.forwarded).toBeLessThan(SIZE);
  expect(await visible(tree.root)).toEqual([]);
  await upload(page, "film.mkv").getByRole("button", { name: "Pause film.mkv" }).click();
  await expect(upload(page, "film.mkv")).toContainText("Paused at");
  await upload(page, "film.mkv").getByRole("button", { name: "Resume film.mkv" }).click();
  await expect(upload(page, "film.mkv")).toContainText("Verifying…");
  await page.evaluate(() => (window as unknown as { hash: () => void }).hash());
  await expect(upload(page, "film.mkv")).toContainText("Verified", { timeout: 60_000 });
  await expectSameBytes(tree, "film.mkv", path);
});

test("cancelling all uploads asks for confirmation after many bytes were sent", async ({ page, network, tree, local }) => {
  const paths = [await writeRandomFile(local, "film.mkv", SIZE), await writeRandomFile(local, "sequel.mkv", SIZE)];
  network.allow(PART * 2);
  await page.goto(`${network.address}/`);
  await chooseFiles(page, paths);
  await expect.poll(() => network.forwarded).toBeGreaterThan(2 * PART - (1 << 20));
  await panel(page).getByRole("button", { name: "Cancel all" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel all uploads?" });
  await expect(dialog).toContainText("already sent would be lost");
  await expect(dialog.getByRole("button", { name: "Keep uploading" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(panel(page).getByRole("listitem").filter({ visible: true })).toHaveCount(2);
  await panel(page).getByRole("button", { name: "Cancel all" }).click();
  await dialog.getByRole("button", { name: "Cancel all" }).click();
  await expect(panel(page)).toHaveCount(0);
  expect(await visible(tree.root)).toEqual([]);
});
