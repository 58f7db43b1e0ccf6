//! Words for what the upload tests do, so that a test says what a person does.

import { randomBytes } from "node:crypto";
import { mkdtemp, open as openFile, readFile, rm } from "node:fs/promises";
import { createServer, request, type IncomingMessage, type Server as HttpServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator, Page } from "@playwright/test";

import { expect, test as base, Tree } from "../fixtures.ts";

export const test = base.extend<{ mine: Tree; line: Line }>({
  /** A folder of this machine's own, to upload from. */
  mine: async ({}, use) => {
    const root = await mkdtemp(join(tmpdir(), "passerelle-mine-"));
    await use(new Tree(root));
    await rm(root, { recursive: true, force: true });
  },

  /** What is between the page and the server; a test that goes by it opens `line.address`. */
  line: async ({ server }, use) => {
    const line = await Line.to(server.http);
    await use(line);
    await line.close();
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

/** Chooses files by the button. */
export async function choose(page: Page, files: string[] | { name: string; mimeType: string; buffer: Buffer }[]): Promise<void> {
  const picker = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Upload", exact: true }).first().click();
  await (await picker).setFiles(files as string[]);
}

/** A file from memory. */
export function file(name: string, text: string | Buffer): { name: string; mimeType: string; buffer: Buffer } {
  return { name, mimeType: "application/octet-stream", buffer: Buffer.from(text) };
}

/** Drops files and folders of the disk at the middle of an element, as the system's file manager does. */
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

/** Writes a file of random bytes outside the served folder, and answers its path. */
export async function large(tree: Tree, name: string, bytes: number): Promise<string> {
  await tree.write(name, "");
  const file = await openFile(tree.at(name), "w");
  for (let at = 0; at < bytes; at += 1 << 20) {
    await file.write(randomBytes(Math.min(1 << 20, bytes - at)));
  }
  await file.close();
  return tree.at(name);
}

/** Expects the file on the server's disk to be that one, byte for byte. */
export async function expectSame(tree: Tree, path: string, original: string): Promise<void> {
  const [there, here] = await Promise.all([readFile(tree.at(path)), readFile(original)]);
  expect(there.length).toBe(here.length);
  expect(there.equals(here)).toBe(true);
}

/** Between the page and the server: counts what passes, holds it back and cuts it off as the test says. */
export class Line {
  /** Bytes of request bodies that went through. */
  passed = 0;
  /** Bytes that may go through; the rest waits. */
  limit = Infinity;
  /** No connection is taken. */
  down = false;
  /** Changes a piece on its way. */
  damage: (piece: Buffer) => Buffer = (piece) => piece;
  /** Answers that are lost on their way back. */
  loses: (request: IncomingMessage, status: number) => boolean = () => false;
  private waiting: (() => void)[] = [];

  private constructor(
    private readonly server: HttpServer,
    readonly address: string,
    /** Where it leads. */
    public target: string,
  ) {}

  static async to(target: string): Promise<Line> {
    const sockets = new Set<Socket>();
    const server = createServer((incoming, answer) => {
      const to = new URL(line.target);
      const outgoing = request(
        { host: to.hostname, port: to.port, method: incoming.method, path: incoming.url, headers: { ...incoming.headers } },
        (response) => {
          if (line.loses(incoming, response.statusCode!)) {
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
          await line.room((piece as Buffer).length);
          line.passed += (piece as Buffer).length;
          if (!outgoing.write(line.damage(piece as Buffer))) {
            await new Promise((resolve) => outgoing.once("drain", resolve));
          }
        }
        outgoing.end();
      })().catch(() => outgoing.destroy());
    });
    server.on("connection", (socket) => {
      if (line.down) {
        socket.destroy();
        return;
      }
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const line = new Line(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, target);
    line.cut = () => sockets.forEach((socket) => socket.destroy());
    return line;
  }

  /** Ends every connection, as a lost network does. */
  cut: () => void = () => {};

  /** Lets that many bytes through in all from here on. */
  allow(bytes: number): void {
    this.limit = bytes;
    this.waiting.splice(0).forEach((wake) => wake());
  }

  private async room(bytes: number): Promise<void> {
    while (this.passed + bytes > this.limit) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
