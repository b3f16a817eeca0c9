import { createLogger } from '@rekey/platform/logger'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { type Database, loopOptions, openDatabase } from './database.ts'

/** Opens a database with the options of background loops; closes it when the test ends. */
export const openLoops = (t: Teardown, url: string): Database => {
  const loops = openDatabase({ ...loopOptions, url, log: createLogger({ name: 'test', level: 'silent' }) })
  t.teardown(() => loops.close())
  return loops
}
