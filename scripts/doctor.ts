import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runDoctor } from './doctor/doctor.ts'
import { findEnvironments } from './doctor/environments.ts'
import { type Line, render } from './doctor/finding.ts'

const usage = `npm run doctor [-- OPTIONS]
  Checks the configuration of each service and every server that it uses, and says what to do. It changes nothing, sends
  no mail and no SMS, prints no secret, and ends within 30 seconds.

  --env FILE           variables of the services, in dotenv form; may be given more than once, and later files win
  --env SERVICE=FILE   variables of one service: auth-gateway, password-service or notifier
                       Without --env: those of the environment, or of the sandbox that npm start runs (REKEY_DATA_DIR).
  --service SERVICE    checks this service only; may be given more than once
  --json               prints one JSON object
  --strict             warnings make the exit code 1 too

  Each line begins with ok, warn, FAIL, or skip: not checked, because what it needs has failed.
  Exit code: 0 no failure, 1 a failure, 2 wrong options.`

const readOptions = () =>
  parseArgs({
    options: {
      env: { type: 'string', multiple: true },
      service: { type: 'string', multiple: true },
      json: { type: 'boolean' },
      strict: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  }).values

const summaryOf = (lines: readonly Line[]) => {
  const count = (level: Line['level']) => lines.filter((line) => line.level === level).length
  return { failures: count('FAIL'), warnings: count('warn'), skipped: count('skip'), ok: count('ok') }
}

const run = async () => {
  const { env: files = [], service: only = [], json, strict, help } = readOptions()
  if (help) return console.log(usage)
  const dataDir = resolve(import.meta.dirname, '..', process.env.REKEY_DATA_DIR || '.rekey')
  const environments = findEnvironments({ files, only, environment: process.env, dataDir })
  const lines = await runDoctor(environments).catch((error) => {
    // Not a wrong option.
    process.exitCode = 1
    throw error
  })
  const summary = summaryOf(lines)
  if (json) console.log(JSON.stringify({ ...summary, lines }, undefined, 2))
  else {
    const { failures, warnings, skipped, ok } = summary
    console.log(render(lines))
    console.log(`\n${ok} ok, ${warnings} warnings, ${failures} failures, ${skipped} not checked`)
  }
  process.exitCode = summary.failures > 0 || (strict && summary.warnings > 0) ? 1 : 0
}

try {
  await run()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode ??= 2
}
// A server that hangs may keep a socket open.
process.stdout.write('', () => process.exit())
