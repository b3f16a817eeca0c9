import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { gitIn } from './release/git.ts'
import { release } from './release/release.ts'

const usage = `npm run release -- VERSION [--dry-run]: makes a release on main, as one commit with an annotated tag.

  VERSION      the new version, newer than that of package.json, by Semantic Versioning: 1.4.0, 2.0.0-rc.1
  --dry-run    print the changes of the commit; change nothing
  --help       show this

It writes the version wherever the product's is named (package.json, the tags of the images in both Compose files and
the documents, the API documents, the Helm chart) and dates the section Unreleased of CHANGELOG.md. It refuses a change
that is not committed, another branch than main, a tag that exists, and a change log that names no change.
It pushes nothing. Run npm run check and npm test before.`

/** Exit code 2: the command line is wrong. */
const refuse = (message: string) => {
  console.error(`npm run release: ${message} (npm run release -- --help)`)
  process.exitCode = 2
}

const readCommand = () => {
  const options = { help: { type: 'boolean', short: 'h' }, 'dry-run': { type: 'boolean', default: false } } as const
  try {
    return parseArgs({ allowPositionals: true, options })
  } catch (error) {
    refuse((error as Error).message)
    return undefined
  }
}

const run = (version: string, dryRun: boolean) => {
  const git = gitIn(resolve(import.meta.dirname, '..'))
  const date = new Date().toISOString().slice(0, 10)
  const { tag, subject, diff } = release(git, { version, date, dryRun })
  if (dryRun)
    process.stdout.write(`${diff}\nWould commit this as "${subject}" and tag it ${tag}. Nothing was changed.\n`)
  else console.log(`Committed "${subject}" and tagged it ${tag}. Publish both: git push --atomic origin main ${tag}`)
}

const command = readCommand()
if (command?.values.help) console.log(usage)
else if (command?.positionals.length === 1) {
  try {
    run(String(command.positionals[0]), command.values['dry-run'])
  } catch (error) {
    console.error(`npm run release: ${(error as Error).message}`)
    process.exitCode = 1
  }
} else if (command) refuse('give one version')
