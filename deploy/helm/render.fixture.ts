import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { findHelm } from '@rekey/test-support/helm'
import { parse, parseAllDocuments, stringify } from 'yaml'

export const root = resolve(import.meta.dirname, '../..')
export const chart = join(import.meta.dirname, 'rekey')

const found = findHelm()
/** The reason why these tests are skipped, or false. */
export const skip = 'missing' in found && found.missing

export type Values = Record<string, unknown>

/** Values of the file in docs/kubernetes.md: what an installation has to name, and nothing else. */
export const minimal = (): Values => {
  const page = readFileSync(join(root, 'docs/kubernetes.md'), 'utf8')
  const [, text] = /```yaml\n *# values\.yaml\n([\s\S]*?)```/.exec(page) ?? []
  if (text === undefined) throw new Error('docs/kubernetes.md has no values.yaml')
  return parse(text)
}

/** Every part of the chart that is off by default, and every form of a value that has two. */
export const full = (): Values => {
  const values = minimal()
  const autoscaling = { enabled: true }
  const scheduling = {
    podAnnotations: { example: 'yes' },
    podLabels: { example: 'yes', 'app.kubernetes.io/component': 'other', 'app.kubernetes.io/version': 'other' },
    nodeSelector: { pool: 'bank' },
    tolerations: [{ key: 'bank', operator: 'Exists', effect: 'NoSchedule' }],
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
    priorityClassName: 'bank',
  }
  const peer = (name: string) => [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } }]
  const provider = {
    REKEY_IDP_ISSUER: 'https://login.bank.example',
    REKEY_IDP_JWKS_URL: 'https://login.bank.example/jwks',
    REKEY_IDP_AUDIENCE: 'https://rekey.bank.example',
  }
  const collector = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.bank.example:4318',
    OTEL_TRACES_SAMPLER_ARG: 0.25,
  }
  return {
    ...values,
    transport: 'tls',
    image: { registry: 'registry.bank.example:5000/rekey', tag: '1.2.3', pullSecrets: ['registry'] },
    nats: { url: 'tls://a.data:4222,tls://b.data:4223', to: peer('data') },
    authorities: { configMap: 'authorities' },
    theme: {
      configMap: 'theme',
      items: [
        { key: 'theme.json', path: 'theme.json' },
        { key: 'de.json', path: 'texts/pages/de.json' },
      ],
    },
    authGateway: {
      ...(values.authGateway as Values),
      ...scheduling,
      autoscaling,
      image: { digest: `sha256:${'0'.repeat(64)}` },
      serviceAnnotations: { example: 'yes' },
      env: { ...provider, ...collector, REKEY_SESSION_HOURS: 24, REKEY_DEFAULT_CLIENT_ID: 'bank_web' },
    },
    passwordService: {
      ...(values.passwordService as Values),
      ...scheduling,
      autoscaling: { enabled: true, hashQueueDepth: 8 },
      env: {
        ...provider,
        ...collector,
        REKEY_BREACH_URL: 'https://leaks.bank.example/range',
        REKEY_HASH_CONCURRENCY: 6,
      },
    },
    notifier: {
      ...(values.notifier as Values),
      ...scheduling,
      autoscaling,
      smsUrl: 'https://sms.bank.example/send',
      bounceDomain: 'bounce.bank.example',
      env: { ...collector, OTEL_EXPORTER_OTLP_TIMEOUT: 10_000 },
    },
    jobs: scheduling,
    tools: { enabled: true },
    topologySpread: { node: 'DoNotSchedule' },
    ingress: { enabled: true, className: 'nginx', annotations: { example: 'yes' }, tlsSecret: 'public' },
    networkPolicy: {
      customers: { from: peer('ingress') },
      metrics: { from: peer('monitoring') },
      bounces: { from: peer('mail') },
      postgres: { to: peer('data') },
      redis: { to: peer('data') },
      smtp: { to: [{ ipBlock: { cidr: '192.0.2.0/24' } }], port: 465 },
      https: { to: [{ ipBlock: { cidr: '198.51.100.0/24' } }] },
      extraIngress: [{ ports: [{ port: 15008, protocol: 'TCP' }] }],
      extraEgress: [{ to: peer('mesh'), ports: [{ port: 15012, protocol: 'TCP' }] }],
    },
    monitoring: {
      serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
      rules: { enabled: true, labels: { release: 'prometheus' } },
      dashboards: { enabled: true },
    },
  }
}

/** Result of `helm template`: its text, or its errors. */
export const helmTemplate = (values: Values, release = 'rekey'): { ok: boolean; text: string; errors: string } => {
  if (!('helm' in found)) throw new Error(found.missing)
  const dir = mkdtempSync(join(tmpdir(), 'rekey-chart-'))
  try {
    const file = join(dir, 'values.yaml')
    writeFileSync(file, stringify(values, { version: '1.1' }))
    // Its own settings and plugins must not be those of the account.
    const env = { ...process.env, HELM_CONFIG_HOME: dir, HELM_CACHE_HOME: dir, HELM_DATA_HOME: dir, HELM_PLUGINS: dir }
    // A Helm that Go installed assumes an old version of Kubernetes.
    const all = ['template', release, chart, '--namespace', 'bank', '--kube-version', '1.34.0', '--values', file]
    const { status, stdout, stderr } = spawnSync(found.helm, all, { env, encoding: 'utf8', maxBuffer: 1 << 26 })
    return { ok: status === 0, text: stdout, errors: stderr.replaceAll(/^.*level=INFO.*\n/gm, '') }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

// biome-ignore lint/suspicious/noExplicitAny: an object of Kubernetes, whose schema a test checks.
export type Manifest = any

/** The objects that the chart gives for these values; none without Helm. @throws Error with Helm's errors */
export const render = (values: Values): Manifest[] => {
  if (skip) return []
  const { ok, text, errors } = helmTemplate(values)
  if (!ok) throw new Error(errors)
  return parseAllDocuments(text, { version: '1.1' })
    .map((document) => {
      if (document.errors.length > 0) throw document.errors[0]
      return document.toJS()
    })
    .filter((manifest) => manifest !== null)
}

export const ofKind = (manifests: Manifest[], ...kinds: string[]): Manifest[] =>
  manifests.filter(({ kind }) => kinds.includes(kind))

/** A pod of a Deployment or Job. */
export interface Pod {
  /** auth-gateway, password-service, notifier, migrate, streams or tools. */
  name: string
  manifest: Manifest
  spec: Manifest
  container: Manifest
  env: Record<string, string>
}

export const podsOf = (manifests: Manifest[]): Pod[] =>
  ofKind(manifests, 'Deployment', 'Job').map((manifest) => {
    const { spec } = manifest.spec.template
    const [container] = spec.containers
    const env = Object.fromEntries(
      container.env.map(({ name, value }: Record<'name' | 'value', string>) => [name, value]),
    )
    return { name: manifest.metadata.labels['app.kubernetes.io/component'], manifest, spec, container, env }
  })
