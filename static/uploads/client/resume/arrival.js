/** @import { Api } from "../net/api.js" */

const CHECKS = 3;
const CHECK_INTERVAL = 1_000;

/**
 * Whether a single request has arrived although there was no response: all of its bytes were sent. The server looks for
 * itself, because S3's event may take longer.
 * @param {string} id
 * @param {Api} api
 * @returns {Promise<"stored"|"rejected"|null>} null if it has not, or if that takes longer
 */
export async function arrivedAs(id, api) {
  await api.complete(id);
  for (let check = 1; check <= CHECKS; check += 1) {
    const [status] = await api.statuses([id]);
    if (status?.state === "stored" || status?.state === "rejected") return status.state;
    await new Promise((resolve) => setTimeout(resolve, CHECK_INTERVAL));
  }
  return null;
}
