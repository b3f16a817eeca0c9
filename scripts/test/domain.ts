import { failCurrentTest } from './current-test.ts'

// Replaces `async-hook-domain` in processes that run many test files. With that module tap finds the test that an uncaught
// error belongs to, and to do so it follows every promise: a twelfth of the processor time of `npm test`. Here an
// uncaught error fails the test file that runs.

/** The interface that tap uses. */
export class Domain {
  destroy(): void {}
}

process.on('uncaughtException', failCurrentTest)
process.on('unhandledRejection', failCurrentTest)
