import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeys } from '@rekey/local-servers/keys'
import { readConfig } from '@rekey/platform/config'
import { type Production, ruleErrors } from '@rekey/platform/production'
import { writeCertificate } from '@rekey/test-support/certificate'
import { type TObject, Type } from '@sinclair/typebox'
import t from 'tap'
import { isSecret, managedVariables, nodeVariables } from '../../scripts/chart/variables.ts'
import { Env as GatewayEnv } from '../../services/auth-gateway/src/config.ts'
import { production as gateway } from '../../services/auth-gateway/src/production.ts'
import { Env as NotifierEnv } from '../../services/notifier/src/config.ts'
import { production as notifier } from '../../services/notifier/src/production.ts'
import { Env as PasswordServiceEnv } from '../../services/password-service/src/config.ts'
import { production as passwordService } from '../../services/password-service/src/production.ts'
import { full, minimal, ofKind, type Pod, podsOf, render, root, skip } from './render.fixture.ts'

const services = {
  'auth-gateway': { env: GatewayEnv as TObject, production: gateway as Production<unknown> },
  'password-service': { env: PasswordServiceEnv as TObject, production: passwordService as Production<unknown> },
  notifier: { env: NotifierEnv as TObject, production: notifier as Production<unknown> },
}
type Name = keyof typeof services
const isService = (name: string): name is Name => Object.hasOwn(services, name)

const renderings = { mesh: render(minimal()), tls: render({ ...minimal(), transport: 'tls' }), full: render(full()) }

const dir = mkdtempSync(join(tmpdir(), 'rekey-chart-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const keysDir = join(dir, 'keys')
await generateKeys(keysDir)
const { certFile, keyFile } = await writeCertificate(dir)

const page = readFileSync(join(root, 'docs/kubernetes.md'), 'utf8')

/** Lines that docs/kubernetes.md adds to the files of `npm run keys`, by the file. */
const addedLines = Object.fromEntries(
  [...page.matchAll(/^ *echo "(.+)" >>? keys\/(\S+)$/gm)].map(([, line = '', file = '']) => [file, line]),
)

/** Files of each Secret that docs/kubernetes.md creates. */
const documentedSecrets = Object.fromEntries(
  [...page.replaceAll('\\\n', ' ').matchAll(/create secret generic (\S+) (.+)$/gm)].map(([, name = '', files = '']) => [
    name,
    [...files.matchAll(/--from-file=keys\/(\S+)/g)].map(([, file]) => file),
  ]),
)

/** Lays the files of a pod below a folder. @returns the pod's variables with their paths there */
const layFiles = ({ name, env, manifest }: Pod, pods: Pod[], clients: string): Record<string, string> => {
  const folder = mkdtempSync(join(dir, `${name}-`))
  const inFolder = (path: string) => {
    const copy = join(folder, path)
    mkdirSync(join(copy, '..'), { recursive: true })
    return copy
  }
  const { spec } = pods.find((pod) => pod.manifest === manifest) ?? {}
  const files: Record<string, (copy: string) => void> = {
    'clients.json': (copy) => writeFileSync(copy, clients),
    'tls.key': (copy) => copyFileSync(keyFile, copy),
    'tls.crt': (copy) => copyFileSync(certFile, copy),
    'ca.crt': (copy) => copyFileSync(certFile, copy),
  }
  const laid = Object.entries(env).map(([variable, value]): [string, string] => {
    if (!/^\/(run|etc)\//.test(value)) return [variable, value]
    const { volumeMounts } = spec.containers[0]
    const mount = volumeMounts.find(
      ({ mountPath }: { mountPath: string }) => value === mountPath || value.startsWith(`${mountPath}/`),
    )
    if (!mount || !spec.volumes.some((volume: { name: string }) => volume.name === mount.name))
      throw new Error(`${name}: ${value} is not mounted`)
    const copy = inFolder(value)
    if (variable === 'REKEY_THEME_DIR') return ['', '']
    const file = value.split('/').at(-1) ?? ''
    const lay = files[file] ?? ((path: string) => copyFileSync(join(keysDir, file), path))
    lay(copy)
    if (addedLines[file] !== undefined) writeFileSync(copy, `\n${addedLines[file]}\n`, { flag: 'a' })
    return [variable, copy]
  })
  return Object.fromEntries(laid)
}

t.test('S36: no secret is a variable of a pod, and none is a value of the chart', { skip }, async (t) => {
  for (const manifests of Object.values(renderings)) {
    t.same(ofKind(manifests, 'Secret'), [])
    for (const { name, container } of podsOf(manifests)) {
      t.notOk('envFrom' in container, name)
      for (const variable of container.env) {
        t.same(Object.keys(variable), ['name', 'value'], variable.name)
        if (isSecret(variable.name, Type.String())) t.match(variable.value, /^\/run\/secrets\//, variable.name)
        t.notMatch(variable.value, /:\/\/[^/]*@/, variable.name)
      }
    }
  }
})

t.test('files of Secrets can be read by their owner and group alone', { skip }, async (t) => {
  for (const { name, spec, container } of Object.values(renderings).flatMap(podsOf)) {
    const secrets = spec.volumes.filter((volume: object) => 'secret' in volume)
    t.ok(secrets.length > 0, name)
    for (const volume of secrets) {
      t.equal(volume.secret.defaultMode, 0o440)
      t.equal(container.volumeMounts.find((mount: { name: string }) => mount.name === volume.name)?.readOnly, true)
    }
  }
})

t.test('the Secrets of docs/kubernetes.md have the files that the pods read, and no others', { skip }, async (t) => {
  const pods = podsOf(renderings.full)
  t.equal(pods.length, 6)
  for (const { name, spec, env } of pods) {
    const { secretName } = spec.volumes.find((volume: { name: string }) => volume.name === 'secrets').secret
    const read = Object.values(env).flatMap((value) => /^\/run\/secrets\/rekey\/(\S+)$/.exec(value)?.[1] ?? [])
    t.same(documentedSecrets[secretName]?.toSorted(), read.toSorted(), name)
  }
})

t.test('each variable that the chart sets is one of the service or of Node', { skip }, async (t) => {
  for (const { name, container } of Object.values(renderings).flatMap(podsOf)) {
    const names = container.env.map((variable: { name: string }) => variable.name)
    t.equal(new Set(names).size, names.length, `${name} has each once`)
    if (!isService(name)) continue
    const known = [...Object.keys(services[name].env.properties), ...nodeVariables]
    t.same(
      names.filter((variable: string) => !known.includes(variable)),
      [],
      name,
    )
  }
})

t.test(
  'each variable of a service is set by the chart, or may be in env, or belongs in its Secret',
  { skip },
  async (t) => {
    for (const [name, { env }] of Object.entries(services) as [Name, (typeof services)[Name]][]) {
      const known = Object.keys(env.properties)
      const unknown = managedVariables[name].filter((variable) => !known.includes(variable))
      t.same(unknown, [], `${name} has what the chart sets`)
    }
  },
)

t.test(
  'production accepts the configuration of each service, with the files that the documents name',
  { skip },
  async (t) => {
    for (const [title, manifests] of Object.entries(renderings)) {
      const clients = ofKind(manifests, 'ConfigMap').find(({ data }) => data['clients.json']).data['clients.json']
      const pods = podsOf(manifests)
      for (const pod of pods) {
        if (!isService(pod.name)) continue
        const { env, production } = services[pod.name]
        const { config, errors } = readConfig(env, layFiles(pod, pods, clients))
        t.same([...errors, ...ruleErrors(production, config, errors)], [], `${title}: ${pod.name}`)
      }
    }
  },
)

t.test(
  'the gateway and the password-service find each other, by the scheme that the other speaks',
  { skip },
  async (t) => {
    for (const [title, manifests] of Object.entries(renderings)) {
      const pods = Object.fromEntries(podsOf(manifests).map((pod) => [pod.name, pod]))
      const ports = Object.fromEntries(
        ofKind(manifests, 'Service').map(({ metadata, spec }) => [metadata.name, spec.ports[0]]),
      )
      for (const [caller, variable] of [
        ['auth-gateway', 'REKEY_PASSWORD_SERVICE_URL'],
        ['password-service', 'REKEY_JWKS_URL'],
      ] as const) {
        const { protocol, hostname, port } = new URL(pods[caller]?.env[variable] ?? '')
        const [service = '', namespace] = hostname.split('.')
        t.equal(namespace, 'bank')
        t.match(ports[service], { port: Number(port), targetPort: 'http', appProtocol: protocol.slice(0, -1) }, title)
        t.equal(protocol === 'https:', pods[caller]?.env.REKEY_TLS_CERT !== undefined)
      }
    }
  },
)
