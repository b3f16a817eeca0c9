import { OneOf, restoreProofs } from '@rekey/contracts'
import { Type } from '@sinclair/typebox'
import { Env as GatewayEnv } from '../../services/auth-gateway/src/config.ts'
import { Env as NotifierEnv } from '../../services/notifier/src/config.ts'
import { Env as PasswordServiceEnv } from '../../services/password-service/src/config.ts'
import {
  anything,
  closed,
  image,
  list,
  name,
  nameOrNone,
  part,
  port,
  resources,
  scheduling,
  tag,
  texts,
} from './part-schema.ts'

// The schema of deploy/helm/rekey/values.yaml, which Helm checks before it renders anything: each object is closed, so
// that a misspelt name is an error with its path. Patterns must mean the same in Go (RE2).

const trustedProxies = Type.String({
  pattern: '^[0-9A-Fa-f:.]+(/[0-9]{1,3})?(,[0-9A-Fa-f:.]+(/[0-9]{1,3})?)*$',
  description: 'REKEY_TRUSTED_PROXIES: networks, comma-separated, whose X-Forwarded-For is believed.',
})

const destination = { to: list('Peers of a NetworkPolicy; empty: any destination at the port.') }
const destinationWithPort = closed({ ...destination, port: port('Port of the server.') })

const { REKEY_PUBLIC_URL, REKEY_BRAND, REKEY_CONTACT } = GatewayEnv.properties
const { REKEY_MAIL_FROM } = NotifierEnv.properties
const proofsOfRestores = OneOf(restoreProofs, {
  description: 'REKEY_RESTORE_PROOFS: restores that need a second, independent proof.',
})

/** Values of the chart that have no default: an installation names them. */
export const valuesSchema = () =>
  Type.Object(
    {
      global: Type.Optional(anything('Of Helm; the chart does not read it.')),
      publicUrl: { ...REKEY_PUBLIC_URL, pattern: '^https://[^\\s/]+$' } as typeof REKEY_PUBLIC_URL,
      brand: REKEY_BRAND,
      contact: REKEY_CONTACT,
      transport: Type.Unsafe<string>({
        type: 'string',
        enum: ['mesh', 'tls'],
        description: 'What encrypts requests between the services: a service mesh, or TLS of their own.',
      }),
      clients: Type.Array(
        Type.Object(
          { client_id: Type.String({ minLength: 1 }) },
          { description: 'A client, as in docs/operations.md, OAuth clients.' },
        ),
        { minItems: 1, description: 'OAuth clients.' },
      ),
      image: closed({
        registry: Type.String({
          pattern: '^[a-z0-9]+([._:/-][a-z0-9]+)*$',
          description: 'Registry and folder of the images.',
        }),
        tag: tag('Tag of all images, not latest. Empty: the version of the chart (appVersion).'),
        pullPolicy: Type.Unsafe<string>({ type: 'string', enum: ['IfNotPresent', 'Always', 'Never'] }),
        pullSecrets: Type.Array(name('Secret of the registry.')),
      }),
      drainSeconds: Type.Integer({
        minimum: 3,
        maximum: 60,
        description: 'REKEY_DRAIN_SECONDS: how long a stopping pod still serves.',
      }),
      nats: closed({
        url: Type.String({
          pattern: '^(nats|tls)://[^\\s@,]+:[0-9]+(,(nats|tls)://[^\\s@,]+:[0-9]+)*$',
          description: 'NATS_URL with its port; several servers of a cluster, comma-separated. Without credentials.',
        }),
        ...destination,
      }),
      authorities: closed(
        {
          configMap: nameOrNone('ConfigMap with the file. Empty: public authorities alone.'),
          key: Type.String({ pattern: '^[A-Za-z0-9._-]+$', description: 'Name of the file.' }),
        },
        'PEM file of your own certificate authorities, for NATS, Redis, Postgres, mail and https.',
      ),
      theme: closed(
        {
          configMap: nameOrNone('ConfigMap with the files of REKEY_THEME_DIR. Empty: no theme.'),
          items: Type.Array(closed({ key: Type.String({ minLength: 1 }), path: Type.String({ minLength: 1 }) }), {
            description: 'Path in the folder for each key: a key of a ConfigMap has no slash.',
          }),
        },
        'docs/theme.md.',
      ),
      tls: closed(
        {
          authGateway: name("Secret of the gateway's certificate: tls.crt, tls.key, ca.crt."),
          passwordService: name("Secret of the password-service's certificate."),
          notifier: name("Secret of the notifier's certificate."),
          gatewayClient: name("Secret of the gateway's client certificate; its ca.crt signs nothing else."),
        },
        'For transport: tls.',
      ),
      authGateway: part('auth-gateway', GatewayEnv, {
        trustedProxies,
        serviceAnnotations: texts('Annotations of the Service.'),
      }),
      passwordService: part(
        'password-service',
        PasswordServiceEnv,
        { trustedProxies, restoreProofs: proofsOfRestores },
        {
          hashQueueDepth: Type.Integer({
            minimum: 0,
            maximum: 10_000,
            description: 'Goal for rekey_hash_queue_depth of a pod, by an adapter for custom metrics. 0: not used.',
          }),
        },
      ),
      notifier: part('notifier', NotifierEnv, {
        mailFrom: REKEY_MAIL_FROM,
        smsUrl: Type.String({
          pattern: '^(https?://[^\\s@]+)?$',
          description: 'REKEY_SMS_URL. Empty: no SMS is sent.',
        }),
        bounceDomain: nameOrNone('REKEY_BOUNCE_DOMAIN. Empty: bounces are not received.'),
      }),
      jobs: closed({
        image,
        resources,
        ...scheduling,
        migrate: closed({
          enabled: Type.Boolean({ description: 'false: you run npm run migrate -- --grants yourself.' }),
          secret: name('Secret with migrate.env, which has DATABASE_URL of rekey_owner.'),
          deadlineSeconds: Type.Integer({ minimum: 60, maximum: 86_400, description: 'Longest time of the Job.' }),
        }),
        streams: closed({
          enabled: Type.Boolean({ description: 'false: you run npm run streams yourself.' }),
          secret: name('Secret with streams.nk.'),
          replicas: Type.Integer({
            minimum: 1,
            maximum: 5,
            description: 'REKEY_STREAM_REPLICAS: copies of each stream.',
          }),
        }),
      }),
      tools: closed(
        {
          enabled: Type.Boolean({ description: 'true: a pod in which operators run the commands of the tools image.' }),
          secret: name('Secret with tools.env and operator.nk.'),
        },
        "Operators' commands: docs/kubernetes.md.",
      ),
      topologySpread: closed({
        zone: Type.Unsafe<string>({ type: 'string', enum: ['ScheduleAnyway', 'DoNotSchedule'] }),
        node: Type.Unsafe<string>({ type: 'string', enum: ['ScheduleAnyway', 'DoNotSchedule'] }),
      }),
      ingress: closed({
        enabled: Type.Boolean(),
        className: nameOrNone('IngressClass.'),
        annotations: texts('Annotations of the Ingress.'),
        tlsSecret: nameOrNone('Secret of the certificate of publicUrl. Empty: that of the controller.'),
      }),
      networkPolicy: closed({
        enabled: Type.Boolean(),
        customers: closed({ from: list('Who may reach the gateway; empty: everybody.') }),
        metrics: closed({ from: list('Who may read metrics; empty: nobody.') }),
        bounces: closed({
          from: list('The mail host of notifier.bounceDomain; empty: everybody, if that is set.'),
        }),
        dns: closed({ to: list('DNS servers; empty: any at port 53.') }),
        postgres: destinationWithPort,
        redis: destinationWithPort,
        smtp: destinationWithPort,
        https: closed(
          destination,
          'Servers of URLs in values: SMS vendor, identity provider, leaked passwords, collector.',
        ),
        extraIngress: list('Further rules of all pods, for a mesh.'),
        extraEgress: list('Further rules of all pods, for a mesh.'),
      }),
      monitoring: closed({
        serviceMonitor: closed({
          enabled: Type.Boolean({ description: 'Needs the Prometheus operator.' }),
          labels: texts('Labels by which Prometheus selects it.'),
        }),
        rules: closed({ enabled: Type.Boolean(), labels: texts('Labels by which Prometheus selects it.') }),
        dashboards: closed({ enabled: Type.Boolean(), labels: texts('Labels by which Grafana selects them.') }),
      }),
    },
    {
      $schema: 'http://json-schema.org/draft-07/schema#',
      title: 'Values of the chart rekey',
      additionalProperties: false,
    },
  )

/** Text of deploy/helm/rekey/values.schema.json. */
export const valuesSchemaFile = (): string => `${JSON.stringify(valuesSchema(), null, 2)}\n`
