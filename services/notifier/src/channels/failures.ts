import { PermanentError } from '@rekey/platform/consumer'

/** The server or vendor rejected the message for good. `answer`: its words, without personal details. */
export class RefusedError extends PermanentError {
  readonly answer: string

  constructor(message: string, answer: string) {
    super(message)
    this.answer = answer
  }
}

/** An attempt failed, and a later one may succeed. `answer`: of the server or vendor, without personal details. */
export class DeferredError extends Error {
  readonly answer: string

  constructor(message: string, answer: string) {
    super(message)
    this.answer = answer
  }
}
