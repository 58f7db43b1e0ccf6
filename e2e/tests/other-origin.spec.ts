//! The page on a static host, under a sub-path, with the gateway at another origin (CORS).

import { createServer } from "node:http";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, Server, test as base } from "../fixtures.ts";
import { download, createSampleFiles, row } from "../helpers/page.ts";

const DIST = fileURLToPath(new URL("../../target/spa", import.meta.url));
const TYPES: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** A static host at its own origin, whose index.html names the gateway. */
const test = base.extend<{ host: { origin: string; gateway: string } }>({
  host: async ({}, use) => {
    const host = { origin: "", gateway: "" };
    const server = createServer(async (request, response) => {
      const path = new URL(request.url!, "http://host").pathname;
      const name = path.startsWith("/some/where/") ? path.slice("/some/where/".length) || "index.html" : "none";
      try {
        let body = await readFile(join(DIST, name));
        if (name === "index.html") {
          body = Buffer.from(body.toString().replace(/(name="?passerelle-api"? content=)"[^"]*"/, `$1"${host.gateway}"`));
        }
        response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "application/octet-stream" }).end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    host.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await use(host);
    server.close();
    server.closeAllConnections();
  },
});

test("a page under a sub-path of a static host works with the gateway at another origin", async ({ page, tree, host }) => {
  await createSampleFiles(tree);
  const state = await mkdtemp(join(tmpdir(), "passerelle-e2e-state-"));
  const gateway = await Server.start(tree.root, state, ["--cors", host.origin]);
  host.gateway = `${gateway.http}/`;
  try {
    await page.goto(`${host.origin}/some/where/`);
    await expect(row(page, "alpha.txt")).toBeVisible();
    await row(page, "Documents").dblclick();
    await expect(page).toHaveURL(`${host.origin}/some/where/?path=Documents`);
    await row(page, "Letter.odt").click();
    const file = await download(page, () => page.getByRole("button", { name: "Download" }).first().click());
    expect(file.name).toBe("Letter.odt");
    expect(file.data.toString()).toBe("Dear all,\n");
    await page.reload();
    await expect(row(page, "Letter.odt")).toBeVisible();
  } finally {
    // Before the server: a page that is open asks it for the folder once more.
    await page.close();
    await gateway.stop();
    await rm(state, { recursive: true, force: true });
  }
});
