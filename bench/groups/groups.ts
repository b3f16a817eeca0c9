import type { Group } from '../harness/bench.ts'
import { against } from './against.ts'
import { codes } from './codes.ts'
import { data } from './data.ts'
import { hashes } from './hashes.ts'
import { history } from './history.ts'
import { customerImport } from './import.ts'
import { mailTime } from './mail-time.ts'
import { backlog, relay } from './relay.ts'
import { known, unknown } from './restore-requests.ts'
import { scale } from './scale.ts'
import { memory, startTimes } from './start-and-memory.ts'
import { tokens } from './tokens.ts'
import { totp } from './totp.ts'

/** All figures, in the order in which they are measured and reported. */
export const groups: readonly Group[] = [
  unknown,
  known,
  history,
  codes,
  tokens,
  totp,
  hashes,
  mailTime,
  relay,
  startTimes,
  memory,
  backlog,
  customerImport,
  data,
  scale,
  against,
]
