// What every script needs: its orders, a way to say what it saw, and an end at the first surprise.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const told = JSON.parse(process.argv[2]);

/// Packages are installed far from here.
export const load = createRequire(join(process.env.WADDLEBOT_TEST_NODE_MODULES, '..', 'here.js'));

export function say(saw, more = {}) {
  process.stdout.write(`${JSON.stringify({ saw, ...more })}\n`);
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/// Until the test says to go on.
export async function wait() {
  if ((await lines.next()).done) {
    expect(false, 'the test is gone');
  }
}

export function expect(isSo, what) {
  if (!isSo) {
    process.stderr.write(`surprise: ${what}\n`);
    process.exit(1);
  }
}

/// Runs the script; anything thrown is a surprise.
export async function run(script) {
  try {
    await script();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`surprise: ${error?.stack ?? error}\n`);
    process.exit(1);
  }
}
