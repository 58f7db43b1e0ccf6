//! Content security policies (CSP) of the page and of its workers.

use crate::gateway::http::html::csp_hash;

/// What a script may do that runs as a worker: a worker goes by the policy of its own answer, not by the page's. A script
/// of the page itself goes by the page's.
pub(super) const WORKER_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/// What the page may do: run its own code and the scripts that stand in it, and talk to where it came from.
pub(super) fn policy(index: &str) -> String {
    let hashes: String = inline_scripts(index).into_iter().map(|script| format!(" {}", csp_hash(script))).collect();
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{hashes}; worker-src 'self'; style-src 'self'; \
         img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; frame-src 'self'; \
         manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// The text of each `<script>` without a `src`, as a browser hashes it.
fn inline_scripts(html: &str) -> Vec<&str> {
    let mut scripts = Vec::new();
    let lower = html.to_ascii_lowercase();
    let mut at = 0;
    while let Some(start) = lower[at..].find("<script").map(|found| at + found) {
        let Some(open) = lower[start..].find('>').map(|found| start + found + 1) else { break };
        let Some(close) = lower[open..].find("</script").map(|found| open + found) else { break };
        if !lower[start..open].contains("src=") {
            scripts.push(&html[open..close]);
        }
        at = close;
    }
    scripts
}
