//! Ends a run with one plain line, "e2e: 3 passed, 0 failed", which `cargo xtask test` adds to the other suites'.

import type { FullResult, Reporter, Suite, TestCase } from "@playwright/test/reporter";

export default class ClosingLine implements Reporter {
  private tests: TestCase[] = [];
  private errors = 0;

  onBegin(_config: unknown, suite: Suite) {
    this.tests = suite.allTests();
  }

  /** An error outside any test: a file that does not load, say. */
  onError() {
    this.errors += 1;
  }

  async onEnd(result: FullResult) {
    const count = (outcome: string) => this.tests.filter((test) => test.outcome() === outcome).length;
    const passed = count("expected");
    let failed = count("unexpected") + count("flaky") + this.errors;
    // An interrupted or timed-out run leaves tests that never ran; they count as skipped, the run as failed.
    if (result.status !== "passed" && failed === 0) {
      failed = 1;
    }
    console.log(`e2e: ${passed} passed, ${failed} failed, ${count("skipped")} skipped`);
  }

  printsToStdio() {
    return false;
  }
}
