// Serves a bank's page that restores a password through the gateway, from an origin of its own:
//
//   npm start                                                    in one terminal
//   node_modules/.bin/node examples/restore-page/serve.ts        then open http://localhost:3000
//
// PORT chooses another port. The page imports packages/client as `npm run packages` builds it.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildPackage } from '../../scripts/packages/build.ts'

const built = await mkdtemp(join(tmpdir(), 'rekey-client-'))
await buildPackage('client', built)

const files: Record<string, [type: string, content: Buffer]> = {
  '/': ['text/html; charset=utf-8', readFileSync(join(import.meta.dirname, 'index.html'))],
  '/restore.js': ['text/javascript; charset=utf-8', readFileSync(join(import.meta.dirname, 'restore.js'))],
  '/rekey-client.js': ['text/javascript; charset=utf-8', readFileSync(join(built, 'index.js'))],
}
await rm(built, { recursive: true })

const server = createServer((request, response) => {
  const [type, content] = files[request.url?.split('?')[0] ?? ''] ?? []
  if (!type) response.writeHead(404).end()
  else response.writeHead(200, { 'content-type': type }).end(content)
})
server.listen(Number(process.env.PORT ?? 3000), 'localhost', () => {
  const { port } = server.address() as { port: number }
  console.log(`Open http://localhost:${port}`)
})
process.once('SIGTERM', () => server.close())
