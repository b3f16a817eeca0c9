import { type TObject, type TProperties, type TSchema, Type } from '@sinclair/typebox'
import { isSecret, managedVariables } from './variables.ts'

export const closed = <T extends TProperties>(properties: T, description?: string) =>
  Type.Object(properties, { additionalProperties: false, ...(description && { description }) })

export const name = (description: string) =>
  Type.String({ pattern: '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$', maxLength: 253, description })
export const nameOrNone = (description: string) =>
  Type.String({ pattern: '^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?$', maxLength: 253, description })
export const port = (description: string) => Type.Integer({ minimum: 1, maximum: 65_535, description })
export const texts = (description: string) => Type.Record(Type.String(), Type.String(), { description })
export const anything = (description: string) => Type.Object({}, { description })
export const list = (description: string) => Type.Array(Type.Object({}), { description })

const quantity = Type.Unsafe<string>({
  type: ['string', 'number'],
  pattern: '^[0-9]+(\\.[0-9]+)?(m|k|M|G|Ki|Mi|Gi)?$',
  minimum: 0,
  description: 'Quantity of Kubernetes: 500m, 1, 512Mi.',
})

/** Every container has a limit of memory; one of processor time would delay answers. */
export const resources = closed({
  requests: closed({ cpu: quantity, memory: quantity }),
  limits: closed({ cpu: Type.Optional(quantity), memory: quantity }),
})

const digest = Type.String({
  pattern: '^(sha256:[0-9a-f]{64})?$',
  description: 'Digest, sha256:…; replaces the tag. Not set: the tag.',
})
const repository = Type.String({ pattern: '^[a-z0-9]+([._/-][a-z0-9]+)*$', description: 'Name below image.registry.' })
export const tag = (description: string) =>
  Type.String({ pattern: '^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$', not: { const: 'latest' }, description })
export const image = closed({ repository, tag: tag('Tag of this image, not latest. Empty: image.tag.'), digest })

export const scheduling = {
  podAnnotations: texts('Annotations of the pods.'),
  podLabels: texts('Labels of the pods, besides those of the chart.'),
  nodeSelector: texts('Labels of the nodes that may run the pods.'),
  tolerations: list('Taints of nodes that the pods tolerate.'),
  affinity: anything('Affinity of the pods.'),
  priorityClassName: nameOrNone('PriorityClass of the pods.'),
}

/** Variables of a service that are neither secret nor set by the chart, with the rules of its configuration. */
const variablesOf = (service: keyof typeof managedVariables, { properties }: TObject) =>
  Type.Object(
    Object.fromEntries(
      Object.entries(properties)
        .filter(([key, schema]) => !isSecret(key, schema) && !managedVariables[service].includes(key))
        // A default may depend on the machine, and Helm would not use it.
        .map(([key, { default: _, ...schema }]) => [key, Type.Optional(schema as TSchema)]),
    ),
    { additionalProperties: false, description: 'Further variables of .env.example. Secrets belong in the Secret.' },
  )

const autoscaling = {
  enabled: Type.Boolean({ description: 'true: a HorizontalPodAutoscaler sets the number of pods.' }),
  minReplicas: Type.Integer({ minimum: 1, maximum: 100, description: 'Fewest pods.' }),
  maxReplicas: Type.Integer({ minimum: 1, maximum: 100, description: 'Most pods.' }),
  cpuUtilization: Type.Integer({
    minimum: 10,
    maximum: 100,
    description: 'Goal, in percent of the requested processor time.',
  }),
}

export const part = <T extends TProperties>(
  service: keyof typeof managedVariables,
  env: TObject,
  more: T,
  scale: TProperties = {},
) =>
  closed({
    image,
    replicas: Type.Integer({ minimum: 0, maximum: 100, description: 'Pods, unless autoscaling is on.' }),
    secret: name('Secret with the files of the service: docs/kubernetes.md.'),
    env: variablesOf(service, env),
    resources,
    autoscaling: closed({ ...autoscaling, ...scale }),
    ...scheduling,
    ...more,
  })
