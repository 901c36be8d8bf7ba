/**
 * Pulumi's SDK writes down a stack for every promise, for the report of a promise that was never kept, and
 * maps each through source maps: 0.6 s of a preview of 57 resources. So such a stack stays empty unless
 * that report is asked for (PULUMI_DEBUG_PROMISE_LEAKS). Stacks of errors stay as they are.
 */
const format = Error.prepareStackTrace?.bind(Error);

if (format !== undefined && !process.env["PULUMI_DEBUG_PROMISE_LEAKS"]) {
  Error.prepareStackTrace = (error, frames): unknown =>
    frames[0]?.getFileName()?.endsWith("/runtime/debuggable.js") ? "" : format(error, frames);
}
