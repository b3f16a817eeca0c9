/** Subjects with the comment that stands above them. */
export interface Group {
  comment?: string
  subjects: readonly string[]
}

/** The subjects that a user of the broker may publish and subscribe to. */
export interface Permissions {
  header: string
  publish: Group[]
  subscribe: Group[]
  /** May reply to a request that it received. */
  replies?: boolean
}

const renderGroup = ({ comment, subjects }: Group) =>
  [...(comment ? [`    # ${comment}`] : []), ...subjects.map((subject) => `    "${subject}"`)].join('\n')

const renderAllow = (verb: string, groups: Group[]) => {
  const shown = groups.filter(({ subjects }) => subjects.length > 0).map(renderGroup)
  return `${verb}: {\n  allow: [\n${shown.join('\n\n')}\n  ]\n}\n`
}

/** The permissions in the form of a NATS configuration. */
export const renderPermissions = ({ header, publish, subscribe, replies }: Permissions) => {
  const comment = header.split('\n').map((line) => `# ${line}`.trimEnd())
  return [
    ...comment,
    renderAllow('publish', publish) + renderAllow('subscribe', subscribe).trimEnd(),
    ...(replies
      ? [
          '# One reply to each request, to its reply subject, within a time longer than any caller waits.',
          'allow_responses: { max: 1, expires: "10s" }',
        ]
      : []),
    '',
  ].join('\n')
}
