/* global __ENV, __ITER, __VU -- k6 gives them */
// One measurement, run by k6. From the environment: URL of what is asked, LOAD (items or orders), and MODE.
//   latency     100 requests a second, whatever their answers take (GG-12)
//   throughput  as many as 8 clients get answered
import { check } from "k6";
import http from "k6/http";

const { URL, LOAD, MODE, SECONDS } = __ENV;

const scenario =
  MODE === "latency"
    ? { executor: "constant-arrival-rate", rate: 100, timeUnit: "1s", preAllocatedVUs: 20 }
    : { executor: "constant-vus", vus: 8 };

export const options = {
  scenarios: { load: { ...scenario, duration: `${SECONDS}s` } },
  hosts: { "shop.test": __ENV.ADDRESS },
  summaryTrendStats: ["med", "p(95)", "p(99)", "max"],
  userAgent: "Mozilla/5.0 (bench)",
};

/** What is read, where it is posted, and the body of one. */
const { read, write, body } = {
  items: {
    read: "/api/v1/items?limit=20",
    write: "/api/v1/items",
    body: () => ({ name: `Bernardo O'Higgins ${__VU}-${__ITER}` }),
  },
  orders: {
    read: "/api/orders/menu",
    write: "/api/orders",
    body: () => ({ table: 1 + (__ITER % 40), items: [{ dish: "pozole", quantity: 1 }] }),
  },
}[LOAD];

/** Three that read for one that writes. */
export default function () {
  const answer =
    __ITER % 4 === 0
      ? http.post(`${URL}${write}`, JSON.stringify(body()), {
          headers: { "Content-Type": "application/json" },
        })
      : http.get(`${URL}${read}`);
  check(answer, { "status is 2xx": ({ status }) => status >= 200 && status < 300 });
}

export function handleSummary({ metrics }) {
  const { http_req_duration: took, http_reqs: sent, http_req_failed: failed } = metrics;
  return {
    stdout: JSON.stringify({
      p50: took.values.med,
      p95: took.values["p(95)"],
      p99: took.values["p(99)"],
      perSecond: sent.values.rate,
      failed: failed.values.rate,
    }),
  };
}
