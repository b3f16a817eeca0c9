import { join } from 'node:path'
import { installTool, type Result, run } from '../tools/install.ts'

/** Lints docs/openapi.json and docs/asyncapi.json. Warnings are failures. */
export const lintApiDocuments = async (root: string): Promise<Result> => {
  const dir = await installTool(root, 'api-lint')
  const [openapi, asyncapi] = [join(root, 'docs/openapi.json'), join(root, 'docs/asyncapi.json')]
  const bin = join(dir, 'node_modules/.bin')
  const results = await Promise.all([
    run(dir, join(bin, 'redocly'), ['lint', '--config', 'redocly.yaml', '--format', 'stylish', openapi]),
    run(dir, join(bin, 'spectral'), ['lint', '-r', 'spectral.yaml', '--fail-severity', 'hint', openapi]),
    run(dir, process.execPath, ['asyncapi.js', asyncapi]),
  ])
  const warned = results.filter(({ ok, output }) => !ok || /\d+ warning/.test(output))
  return { ok: warned.length === 0, output: warned.map(({ output }) => output).join('\n') }
}
