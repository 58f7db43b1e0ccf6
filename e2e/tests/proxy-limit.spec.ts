//! A proxy in front of the server that takes short request bodies only, such as nginx unless it is configured.

import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile } from "node:fs/promises";

import { expect } from "../fixtures.ts";
import { open } from "../helpers/page.ts";
import { chooseFiles, file, test as base, upload } from "../helpers/uploads.ts";

interface Proxied {
  /** Longest body that the proxy passes on, in bytes. */
  limit: number;
  /** Lengths of the bodies that passed. */
  passed: number[];
}

const test = base.extend<Proxied>({
  limit: [1 << 20, { option: true }],
  passed: async ({}, use) => use([]),

  baseURL: async ({ server, limit, passed }, use) => {
    const proxy = createServer((incoming, answer) => {
      const length = Number(incoming.headers["content-length"] ?? 0);
      if (length > limit) {
        incoming.resume();
        incoming.on("end", () => answer.writeHead(413, { "content-type": "text/html" }).end("<h1>Request Entity Too Large</h1>"));
        return;
      }
      passed.push(length);
      const { method, headers, url } = incoming;
      const onward = request(`${server.http}${url}`, { method, headers }, (response) => {
        answer.writeHead(response.statusCode!, response.headers);
        response.pipe(answer);
      });
      onward.on("error", () => answer.destroy());
      incoming.pipe(onward);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    await use(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}/`);
    proxy.closeAllConnections();
    proxy.close();
  },
});

test.beforeEach(({ faults }) => faults.expectFailedLoads(413));

test("uploads fall back to shorter requests", async ({ page, tree, passed }) => {
  await open(page);
  const text = "0123456789abcdef".repeat(200_000);
  await chooseFiles(page, [file("large.txt", text)]);
  await expect(upload(page, "large.txt")).toContainText("Verified");
  expect(await readFile(tree.at("large.txt"), "utf8")).toBe(text);
  expect(Math.max(...passed)).toBe(1 << 20);
});

test("a file that is sent again is hashed once, and Cancel ends that", async ({ page }) => {
  // A worker that ends no hash: the jobs are those that were begun and not canceled.
  await page.addInitScript(() => {
    const jobs = Object.assign(new Set<number>(), { begun: 0 });
    Object.assign(window, { jobs });
    Worker.prototype.postMessage = ([job, blob]: [number, Blob?]) => {
      jobs.begun += blob ? 1 : 0;
      void (blob ? jobs.add(job) : jobs.delete(job));
    };
  });
  const jobs = () =>
    page.evaluate(() => {
      const { jobs } = window as unknown as { jobs: Set<number> & { begun: number } };
      return { begun: jobs.begun, running: jobs.size };
    });
  await open(page);
  await chooseFiles(page, [file("large.txt", "x".repeat(20 << 20))]);
  // All bytes but the last slice are sent in shorter requests, and that one waits for the digest.
  await expect(upload(page, "large.txt")).toContainText("Verifying…");
  expect(await jobs()).toEqual({ begun: 1, running: 1 });
  await upload(page, "large.txt").getByRole("button", { name: "Cancel large.txt" }).click();
  await expect.poll(jobs).toEqual({ begun: 1, running: 0 });
});

test.describe("a proxy that takes hardly any body", () => {
  test.use({ limit: 1_000 });

  test("is named as the cause", async ({ page }) => {
    await open(page);
    await chooseFiles(page, [file("large.txt", "x".repeat(300_000))]);
    await expect(upload(page, "large.txt")).toContainText("A proxy in front of the server");
  });
});
