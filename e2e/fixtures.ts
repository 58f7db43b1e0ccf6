//! What every end-to-end test starts from: a folder of its own, and a real server on it.
//!
//!     import { expect, test } from "../fixtures.ts";
//!
//!     test("a file is listed", async ({ page, tree }) => {
//!       await tree.write("notes.txt", "Milk\n");
//!       await page.goto("./");
//!       …
//!     });
//!
//! A group that needs other flags says `test.use({ flags: ["--anonymous", "read"] })`.

import { test as base, type Page } from "@playwright/test";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";

export { expect } from "@playwright/test";

const START_MILLISECONDS_MAX = 20_000;
const STOP_MILLISECONDS_MAX = 5_000;

/** The folder that the server under test serves, as another program on the same machine sees it. */
export class Tree {
  constructor(readonly root: string) {}

  /** Where a path below the folder lies on the disk. */
  at(path: string): string {
    return join(this.root, path);
  }

  /** Writes a file, with the folders that lead to it. */
  async write(path: string, data: string | Uint8Array): Promise<void> {
    await mkdir(dirname(this.at(path)), { recursive: true });
    await writeFile(this.at(path), data);
  }

  async folder(path: string): Promise<void> {
    await mkdir(this.at(path), { recursive: true });
  }
}

/** One running `passerelle serve`. */
export class Server {
  private constructor(
    private readonly child: ChildProcess,
    readonly http: string,
    readonly tcp: string,
    /** What it said on its standard error, for when a test fails. */
    readonly log: string[],
  ) {}

  /** Starts it on ports of the system's choosing and waits until it says which. */
  static async start(root: string, state: string, flags: string[]): Promise<Server> {
    const addresses = ["--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--json"];
    const child = spawn(binary(), ["serve", root, ...addresses, "--state", state, ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const log: string[] = [];
    createInterface({ input: child.stderr! }).on("line", (line) => log.push(line));
    try {
      const { http, tcp } = await firstLine(child, log);
      return new Server(child, http, tcp, log);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  /** Asks it to stop, by its process id, and insists if it does not. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) {
      return;
    }
    const gone = new Promise<void>((resolve) => this.child.once("exit", () => resolve()));
    this.child.kill(signal);
    const insist = setTimeout(() => this.child.kill("SIGKILL"), STOP_MILLISECONDS_MAX);
    await gone;
    clearTimeout(insist);
  }
}

function binary(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return process.env.PASSERELLE_BIN ?? join(here, "../target/debug/passerelle");
}

/** The line of JSON in which the server says where it listens. */
function firstLine(child: ChildProcess, log: string[]): Promise<{ http: string; tcp: string }> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${binary()} ${why}\n${log.join("\n")}`));
    const timer = setTimeout(() => fail("did not say where it listens"), START_MILLISECONDS_MAX);
    child.once("error", (error) => fail(`did not start: ${error.message}; \`cargo xtask test\` builds it`));
    child.once("exit", (code, signal) => fail(`ended at once (${code ?? signal})`));
    createInterface({ input: child.stdout! }).once("line", (line) => {
      clearTimeout(timer);
      try {
        resolve(JSON.parse(line));
      } catch {
        fail(`said ${line} instead of where it listens`);
      }
    });
  });
}

interface Fixtures {
  /** Flags of `serve` besides the addresses and folders. */
  flags: string[];
  tree: Tree;
  server: Server;
  /** The page, whose `goto("./")` leads to the server under test. */
  page: Page;
}

export const test = base.extend<Fixtures>({
  flags: [["--anonymous", "write"], { option: true }],

  tree: async ({}, use) => {
    const root = await mkdtemp(join(tmpdir(), "passerelle-e2e-"));
    await use(new Tree(root));
    await rm(root, { recursive: true, force: true });
  },

  server: async ({ tree, flags }, use, info) => {
    const state = await mkdtemp(join(tmpdir(), "passerelle-e2e-state-"));
    const server = await Server.start(tree.root, state, flags);
    await use(server);
    await server.stop();
    if (info.status !== info.expectedStatus) {
      await info.attach("server log", { body: server.log.join("\n"), contentType: "text/plain" });
    }
    await rm(state, { recursive: true, force: true });
  },

  // While the page is being worked on: a bundle that the server under test was not built with.
  page: async ({ page }, use) => {
    const bundle = process.env.PASSERELLE_PAGE;
    if (bundle !== undefined) {
      const file = (url: URL) => join(bundle, url.pathname === "/" ? "index.html" : url.pathname);
      await page.route((url) => existsSync(file(url)), (route) => route.fulfill({ path: file(new URL(route.request().url())) }));
    }
    await use(page);
  },

  baseURL: async ({ server }, use) => {
    await use(`${server.http}/`);
  },
});
