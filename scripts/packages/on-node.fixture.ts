import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCustomer } from '@rekey/test-support/customers'
import { signsIn } from '@rekey/test-support/flows'
import type { Rekey } from '@rekey/test-support/rekey'
import type { Test } from 'tap'
import { runFile, samplesOf, startCustomer, withApp } from './consumer.fixture.ts'

/**
 * Runs the samples of the client's README, in which a customer restores a password twice, and the sandbox's third customer
 * once, with a second proof.
 */
export const runSamples = async (t: Test, rekey: Rekey, node: string, dir: string) => {
  const customer = await createCustomer(rekey.postgres.url)
  writeFileSync(join(dir, 'ask.js'), await startCustomer(t, rekey, customer.email))
  const samples = samplesOf('client', 'js').replaceAll('http://localhost:8080', rekey.url)
  const output = await runFile(node, dir, 'samples.js', samples, ['--import', './ask.js'])
  t.match(output, /^too_short /)
  for (const { email } of [customer, withApp]) t.ok(await signsIn(rekey, { email }, 'a new password of the samples'))
}

/** Loads both packages by `require`. */
export const requirePackages = async (t: Test, node: string, dir: string) => {
  const code = `${samplesOf('client', 'cjs')}\nconsole.log(Object.keys(require('@rekey/contracts').eventSchemas).join())`
  t.match(await runFile(node, dir, 'samples.cjs', code), 'password.restored')
}
