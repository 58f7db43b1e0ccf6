//! Tests of what pages may make a browser load from the server, for each browser. The other site is at `localhost`, the
//! server at 127.0.0.1: to browsers these are two sites.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { Page, Response } from "@playwright/test";

import { expect, type Server, test as base } from "../fixtures.ts";
import { download } from "./page.ts";

interface OtherSite {
  /** Its address, of an empty page with the policy of a site that has none. */
  origin: string;
  /** What the page contains. */
  body: string;
}

export const test = base.extend<{ site: OtherSite }>({
  site: async ({}, use) => {
    const site: OtherSite = { origin: "", body: "" };
    const server = createServer((_, response) => {
      response.writeHead(200, { "content-type": "text/html" });
      response.end(`<!DOCTYPE html><meta charset="utf-8"><title>Other site</title>${site.body}`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    site.origin = `http://localhost:${(server.address() as AddressInfo).port}`;
    await use(site);
    server.close();
    server.closeAllConnections();
  },
});

/** Ways in which a page loads an address. Each resolves to whether the browser says that it worked. */
const WAYS = ["frame", "embed", "image", "script", "style", "fetch", "preload"] as const;

/** Loads an address in a page, in one of these ways. */
async function load(page: Page, way: (typeof WAYS)[number], url: string): Promise<string> {
  return page.evaluate(
    async ([way, url]) => {
      if (way === "fetch") {
        return fetch(url, { mode: "no-cors" }).then(
          () => "loaded",
          () => "failed",
        );
      }
      const element = document.createElement(
        { frame: "iframe", embed: "embed", image: "img", script: "script", style: "link", preload: "link" }[way]!,
      );
      if (element instanceof HTMLLinkElement) {
        element.rel = way === "style" ? "stylesheet" : "preload";
        element.as = way === "style" ? "" : "image";
        element.href = url;
      } else {
        element.setAttribute("src", url);
      }
      return new Promise<string>((resolve) => {
        element.addEventListener("load", () => resolve("loaded"));
        element.addEventListener("error", () => resolve("failed"));
        document.body.append(element);
      });
    },
    [way, url] as const,
  );
}

/** The statuses of the server's answers, in order. */
function statuses(page: Page, server: Server, below = ""): number[] {
  const found: number[] = [];
  page.on("response", (response: Response) => {
    if (response.url().startsWith(server.http + below)) {
      found.push(response.status());
    }
  });
  return found;
}

/** Defines the tests, with those ways of loading for which the browser has events. */
export function otherSiteTests(ways: readonly (typeof WAYS)[number][] = WAYS): void {
  test("a page of another site cannot tell whether a path exists", async ({ page, server, site, tree, faults }) => {
    faults.allowFailedLoads(403, "ERR_BLOCKED_BY_RESPONSE");
    faults.expectRefusedContent();
    await tree.write("secret.txt", "Here\n");
    await page.goto(site.origin);
    const answered = statuses(page, server);
    const paths = ["/files/secret.txt", "/files/none.txt", "/files/secret.txt?download", "/api/v1/stat/secret.txt"];
    for (const way of ways) {
      const reports = [];
      for (const path of paths) {
        reports.push(await load(page, way, `${server.http}${path}`));
      }
      expect(new Set(reports).size, `${way}: ${reports}`).toBe(1);
    }
    expect(new Set(answered)).toEqual(new Set([403]));
  });

  test("a file is no script, style sheet or worker of the page itself", async ({ page, server, tree, faults }) => {
    faults.allowFailedLoads(403);
    faults.expectRefusedContent();
    await tree.write(
      "evil.js",
      "globalThis.ran = true; globalThis.postMessage?.(1); globalThis.onconnect = ({ ports }) => ports[0].postMessage(1);",
    );
    await tree.write("evil.css", "body { display: none !important; }");
    await page.goto(`${server.http}/`);
    const answered = statuses(page, server, "/files/");
    const url = `${server.http}/files/evil.js`;
    expect(await load(page, "script", url)).toBe("failed");
    expect(await load(page, "style", `${server.http}/files/evil.css`)).toBe("failed");
    const refused = await page.evaluate(async (url) => {
      const registered = navigator.serviceWorker.register(url).then(
        () => "registered",
        (error: Error) => error.name,
      );
      const worker = new Worker(url);
      const ran = new Promise<string>((resolve) => {
        worker.addEventListener("error", () => resolve("failed"));
        worker.addEventListener("message", () => resolve("ran"));
      });
      const module = import(url).then(
        () => "ran",
        () => "failed",
      );
      return Promise.all([registered, module, ran]);
    }, url);
    expect(refused).toEqual([expect.stringMatching(/^(TypeError|SecurityError)$/), "failed", "failed"]);
    // Chromium reports no error for one in a hundred shared workers that fail, so several are made, each by another name.
    const shared = await page.evaluate(
      (url) =>
        Promise.any(
          Array.from({ length: 8 }, (_, name) => {
            const worker = new SharedWorker(url, `${name}`);
            return new Promise<string>((resolve) => {
              worker.addEventListener("error", () => resolve("failed"));
              worker.port.addEventListener("message", () => resolve("ran"));
              worker.port.start();
            });
          }),
        ),
      url,
    );
    expect(shared).toBe("failed");
    expect(await page.evaluate(() => "ran" in globalThis)).toBe(false);
    expect(await page.evaluate(() => getComputedStyle(document.body).display)).not.toBe("none");
    expect(new Set(answered)).toEqual(new Set([403]));
  });

  test("a link of another site opens a file, and asks before a download", async ({ page, server, site, tree, faults }) => {
    faults.allowFailedLoads(403, 404);
    // Firefox looks for an icon beside the file.
    faults.expectRefusedContent();
    await tree.write("docs/notes.txt", "Milk\n");
    const link = (path: string, text: string) => `<p><a href="${server.http}${path}">${text}</a></p>`;
    site.body =
      link("/files/docs/notes.txt", "Notes") +
      link("/files/docs/notes.txt?download", "Save") +
      link("/api/v1/archive?path=docs", "Archive") +
      link("/?path=docs", "Page");
    await page.goto(site.origin);
    await page.getByRole("link", { name: "Notes" }).click();
    await expect(page.getByText("Milk")).toBeVisible();

    for (const [name, saved] of [
      ["Save", "notes.txt"],
      ["Archive", "docs.zip"],
    ] as const) {
      await page.goto(site.origin);
      await page.getByRole("link", { name }).click();
      await expect(page.getByRole("heading")).toHaveText("Requested by another site");
      await expect(page.getByRole("link")).toHaveCount(1);
      const file = await download(page, () => page.getByRole("link", { name: "Continue" }).click());
      expect(file.name).toBe(saved);
      expect(file.data.includes("Milk\n")).toBe(true);
    }

    await page.goto(site.origin);
    await page.getByRole("link", { name: "Page" }).click();
    await expect(page.getByText("notes", { exact: false }).first()).toBeVisible();
  });
}
