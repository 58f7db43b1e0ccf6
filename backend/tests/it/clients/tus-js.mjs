// tus-js-client against the gateway: node tus-js.mjs ENDPOINT FILE. Prints a line for each scenario that worked.
// Run by tests/it/tus_clients.rs, which checks the files afterwards.
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";

const [endpoint, file, modules] = process.argv.slice(2);
const tus = createRequire(`${modules}/`)("tus-js-client");
const size = statSync(file).size;

/** Runs an upload to its end, or until `stopAt` bytes are sent. Resolves to its URL. */
function run(body, options, stopAt = Infinity) {
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(body, {
      endpoint,
      retryDelays: null,
      storeFingerprintForResuming: false,
      ...options,
      onError: reject,
      onSuccess: () => resolve(upload.url),
      onChunkComplete: (_, sent) => {
        if (sent >= stopAt && sent < size) {
          upload.abort().then(() => resolve(upload.url), reject);
        }
      },
    });
    upload.start();
  });
}

const chunkSize = 1 << 20;
const metadata = (path) => ({ path, filetype: "application/octet-stream" });

await run(readFileSync(file), { metadata: metadata("js/whole.bin") });
console.log("whole");

const uploadUrl = await run(readFileSync(file), { metadata: metadata("js/paused.bin"), chunkSize }, size / 2);
await run(readFileSync(file), { uploadUrl, chunkSize });
console.log("paused and resumed");

await run(readFileSync(file), { metadata: metadata("js/parallel.bin"), parallelUploads: 3 });
console.log("parallel");

await run(readFileSync(file), { metadata: metadata("js/created.bin"), uploadDataDuringCreation: true, chunkSize });
console.log("with creation");

await run(readFileSync(file), { metadata: metadata("js/deferred.bin"), uploadLengthDeferred: true, chunkSize });
console.log("deferred length");

await run(readFileSync(file).subarray(0, 0), { metadata: metadata("js/empty.bin") });
console.log("empty");

const given = await run(readFileSync(file), { metadata: metadata("js/given-up.bin"), chunkSize }, size / 2);
await tus.Upload.terminate(given, { retryDelays: null });
console.log("given up");

const refused = await run(readFileSync(file), { metadata: metadata("js/whole.bin") }).catch((error) => error);
if (refused.originalResponse?.getStatus() !== 409) {
  throw new Error(`an existing file was not refused: ${refused}`);
}
console.log("refused");
