//! Helpers of the tests about uploads: local files, pickers and drops, and a proxy that interrupts connections.

import { randomBytes } from "node:crypto";
import { mkdtemp, open as openFile, readFile, rm } from "node:fs/promises";
import { createServer, request, type IncomingMessage, type Server as HttpServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FileChooser, Locator, Page } from "@playwright/test";

import { expect, test as base, Tree } from "../fixtures.ts";

export const test = base.extend<{ local: Tree; network: Network }>({
  /** A folder outside the served one, to upload from. */
  local: async ({}, use) => {
    const root = await mkdtemp(join(tmpdir(), "passerelle-local-"));
    await use(new Tree(root));
    await rm(root, { recursive: true, force: true });
  },

  /** A proxy between the page and the server; a test that uses it opens `network.address`. */
  network: async ({ server }, use) => {
    const network = await Network.to(server.http);
    await use(network);
    await network.close();
  },
});

/** The panel of uploads. */
export function panel(page: Page): Locator {
  return page.getByRole("region", { name: /^(Uploads|Téléversements)$/ });
}

/** The panel's row for a file. */
export function upload(page: Page, name: string): Locator {
  return panel(page).getByRole("listitem").filter({ has: page.locator(".upload-name").getByText(name, { exact: true }) });
}

/** The picker of files that `ask` opens. */
export async function filePicker(page: Page, ask: () => Promise<void>): Promise<FileChooser> {
  const picker = page.waitForEvent("filechooser");
  // The request to report pickers has no answer; once this one has its own, the browser has handled both.
  await page.evaluate(() => 0);
  await ask();
  return picker;
}

/** Selects files by the upload button. */
export async function chooseFiles(page: Page, files: string[] | { name: string; mimeType: string; buffer: Buffer }[]): Promise<void> {
  const button = page.getByRole("button", { name: "Upload", exact: true }).first();
  const picker = await filePicker(page, () => button.click());
  await picker.setFiles(files as string[]);
}

/** A file in memory. */
export function file(name: string, text: string | Buffer): { name: string; mimeType: string; buffer: Buffer } {
  return { name, mimeType: "application/octet-stream", buffer: Buffer.from(text) };
}

/** Drops files and folders of the disk on an element, as a file manager does. */
export async function drop(page: Page, onto: Locator, paths: string[]): Promise<void> {
  const box = (await onto.boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + Math.min(box.height / 2, 200)];
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, x, y, data });
  }
  await session.detach();
}

/** Writes a file of random bytes, and returns its path. */
export async function writeRandomFile(tree: Tree, name: string, bytes: number): Promise<string> {
  await tree.write(name, "");
  const file = await openFile(tree.at(name), "w");
  for (let at = 0; at < bytes; at += 1 << 20) {
    await file.write(randomBytes(Math.min(1 << 20, bytes - at)));
  }
  await file.close();
  return tree.at(name);
}

/** Expects a served file to have the bytes of the original. */
export async function expectSameBytes(tree: Tree, path: string, original: string): Promise<void> {
  const [served, local] = await Promise.all([readFile(tree.at(path)), readFile(original)]);
  expect(served.length).toBe(local.length);
  expect(served.equals(local)).toBe(true);
}

/** A proxy between the page and the server, which counts, holds back, corrupts and cuts off traffic. */
export class Network {
  /** Bytes of request bodies forwarded. */
  forwarded = 0;
  /** Bytes to forward; the others wait. */
  limit = Infinity;
  /** True to refuse connections. */
  down = false;
  /** Transforms a chunk in transit. */
  transform: (piece: Buffer) => Buffer = (piece) => piece;
  /** Selects the responses to drop. */
  dropsResponse: (request: IncomingMessage, status: number) => boolean = () => false;
  private waiting: (() => void)[] = [];

  private constructor(
    private readonly server: HttpServer,
    readonly address: string,
    /** URL of the server. */
    public target: string,
  ) {}

  static async to(target: string): Promise<Network> {
    const sockets = new Set<Socket>();
    const server = createServer((incoming, answer) => {
      const to = new URL(network.target);
      const outgoing = request(
        { host: to.hostname, port: to.port, method: incoming.method, path: incoming.url, headers: { ...incoming.headers } },
        (response) => {
          if (network.dropsResponse(incoming, response.statusCode!)) {
            answer.destroy();
            return;
          }
          answer.writeHead(response.statusCode!, response.headers);
          response.pipe(answer);
          response.on("error", () => answer.destroy());
        },
      );
      outgoing.on("error", () => answer.destroy());
      answer.on("close", () => outgoing.destroy());
      void (async () => {
        for await (const piece of incoming) {
          await network.waitForAllowance((piece as Buffer).length);
          network.forwarded += (piece as Buffer).length;
          if (!outgoing.write(network.transform(piece as Buffer))) {
            await new Promise((resolve) => outgoing.once("drain", resolve));
          }
        }
        outgoing.end();
      })().catch(() => outgoing.destroy());
    });
    server.on("connection", (socket) => {
      if (network.down) {
        socket.destroy();
        return;
      }
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const network = new Network(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, target);
    network.cut = () => sockets.forEach((socket) => socket.destroy());
    return network;
  }

  /** Closes every connection, as a lost network does. */
  cut: () => void = () => {};

  /** Sets the number of bytes to forward in total. */
  allow(bytes: number): void {
    this.limit = bytes;
    this.waiting.splice(0).forEach((wake) => wake());
  }

  private async waitForAllowance(bytes: number): Promise<void> {
    while (this.forwarded + bytes > this.limit) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
