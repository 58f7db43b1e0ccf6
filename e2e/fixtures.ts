//! Fixtures of the end-to-end tests: each test has its own folder, and a server that serves it.
//!
//!     import { expect, test } from "../fixtures.ts";
//!
//!     test("a file is listed", async ({ page, tree }) => {
//!       await tree.write("notes.txt", "Milk\n");
//!       await page.goto("./");
//!       …
//!     });
//!
//! A group sets other flags by `test.use({ flags: ["--anonymous", "read"] })`.
//!
//! Every test fails on an uncaught error of the page and on an error in its console. A test that provokes a response with
//! an error status, or none, names it: `faults.expectFailedLoads(404, "ERR_FAILED")`. It fails as well if none comes.

import { expect, test as base, type BrowserContext, type ConsoleMessage, type Page } from "@playwright/test";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";

export { expect };

const START_MILLISECONDS_MAX = 20_000;
const STOP_MILLISECONDS_MAX = 5_000;

/** A folder on the disk, such as the one that the server under test serves. */
export class Tree {
  constructor(readonly root: string) {}

  /** The absolute path of a path below the folder. */
  at(path: string): string {
    return join(this.root, path);
  }

  /** Writes a file, with missing parent folders. */
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
    /** The lines of its standard error, attached to the report of a failed test. */
    readonly log: string[],
  ) {}

  /** Starts the server on free ports, and waits until it reports them. */
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

  /** Stops the server by a signal, or by SIGKILL if it does not end in time. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) {
      return;
    }
    const ended = new Promise<void>((resolve) => this.child.once("exit", () => resolve()));
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill("SIGKILL"), STOP_MILLISECONDS_MAX);
    await ended;
    clearTimeout(timer);
  }
}

/** The errors that the browser reports of the pages of a test. */
export class Faults {
  /** Those that the test does not expect. */
  readonly found: string[] = [];
  /** What failed loads the test expects, and whether one has come. */
  private readonly expected = new Map<string, boolean>();
  private readonly allowed = new Set<string>();
  private mayRefuseContent = false;

  /** Collects the errors of a context's pages. */
  watch(context: BrowserContext): void {
    context.on("weberror", (fault) => {
      // Firefox reports refused content as an uncaught error, and cuts the text at a colon.
      const text = fault.error().stack ?? fault.error().message;
      if (!this.isRefusedContent(text)) {
        this.found.push(`uncaught: ${text}`);
      }
    });
    context.on("console", (message) => {
      if (message.type() === "error" && !this.isExpected(message)) {
        this.found.push(`console: ${message.text()} (${message.location().url})`);
      }
    });
  }

  /** Requires requests that fail with an HTTP status, or with an error of the network, such as "ERR_FAILED". */
  expectFailedLoads(...reasons: (number | string)[]): void {
    reasons.forEach((reason) => this.expected.set(String(reason), false));
  }

  /** Accepts such requests, where it depends on the moment whether one fails. */
  allowFailedLoads(...reasons: (number | string)[]): void {
    reasons.forEach((reason) => this.allowed.add(String(reason)));
  }

  /** Accepts requests whose connection ends: which error they have depends on the moment. */
  allowLostConnections(): void {
    this.allowFailedLoads(...LOST_CONNECTIONS);
  }

  /** Accepts what the browser says when it refuses to show a frame, or to run a script, that the test makes it load. */
  expectRefusedContent(): void {
    this.mayRefuseContent = true;
  }

  /** The expected failures that have not come. */
  missing(): string[] {
    return [...this.expected].filter(([, hasCome]) => !hasCome).map(([reason]) => reason);
  }

  private isRefusedContent(text: string): boolean {
    return this.mayRefuseContent && REFUSED_CONTENT.test(text);
  }

  private isExpected(message: ConsoleMessage): boolean {
    if (this.isRefusedContent(message.text())) {
      return true;
    }
    const [, status, network] = FAILED_LOAD.exec(message.text()) ?? [];
    const reason = status ?? network ?? "";
    if (this.expected.has(reason)) {
      this.expected.set(reason, true);
      return true;
    }
    // The page asks here whether an entry exists: 404 is an answer.
    const isAnswer = status === "404" && pathOf(message.location().url).startsWith("/api/v1/stat/");
    // A file in a tab of its own is sandboxed: the driver's scripts and the icon are refused there.
    const isOfFile = pathOf(message.page()?.url() ?? "").startsWith("/files/");
    return isAnswer || isOfFile || this.allowed.has(reason);
  }
}

/** The messages of Chromium and of Firefox about content that a policy or its type forbids to show or to run. */
const REFUSED_CONTENT = new RegExp(
  "(^Framing |^Refused to (execute|apply|frame) |^A bad HTTP response code \\(403\\)" +
    "|^Content-Security-Policy: |^The resource (at|from) |^Loading (module|Worker) from )",
);
/** The message of Chromium about a request without a good response. */
const FAILED_LOAD = /^Failed to load resource: (?:the server responded with a status of (\d+)|net::(\w+))/;
/** Errors of a connection that is refused, or ends before the response does. */
const LOST_CONNECTIONS = [
  "ERR_CONNECTION_ABORTED",
  "ERR_CONNECTION_CLOSED",
  "ERR_CONNECTION_REFUSED",
  "ERR_CONNECTION_RESET",
  "ERR_CONTENT_LENGTH_MISMATCH",
  "ERR_EMPTY_RESPONSE",
  "ERR_INCOMPLETE_CHUNKED_ENCODING",
  "ERR_SOCKET_NOT_CONNECTED",
];

function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname : "";
}

function binary(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return process.env.PASSERELLE_BIN ?? join(here, "../target/debug/passerelle");
}

/** The first line of the server's output: its addresses as JSON. */
function firstLine(child: ChildProcess, log: string[]): Promise<{ http: string; tcp: string }> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${binary()} ${why}\n${log.join("\n")}`));
    const timer = setTimeout(() => fail("did not report its addresses"), START_MILLISECONDS_MAX);
    child.once("error", (error) => fail(`did not start: ${error.message}; \`cargo xtask test\` builds it`));
    child.once("exit", (code, signal) => fail(`ended at once (${code ?? signal})`));
    createInterface({ input: child.stdout! }).once("line", (line) => {
      clearTimeout(timer);
      try {
        resolve(JSON.parse(line));
      } catch {
        fail(`printed ${line} instead of its addresses`);
      }
    });
  });
}

interface Fixtures {
  /** Flags of `serve` besides the addresses and folders. */
  flags: string[];
  tree: Tree;
  server: Server;
  /** The errors of the test's pages. */
  faults: Faults;
  /** The page, whose `goto("./")` opens the server under test. */
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

  faults: async ({ context }, use) => {
    const faults = new Faults();
    faults.watch(context);
    await use(faults);
    expect(faults.found, "the browser reported errors").toEqual([]);
    expect(faults.missing(), "expected failures that have not come").toEqual([]);
  },

  // During development, PASSERELLE_PAGE names a bundle to serve in place of the one in the server.
  page: async ({ page, faults: _ }, use) => {
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
