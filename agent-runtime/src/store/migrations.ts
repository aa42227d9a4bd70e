/**
 * The schema's history. A migration that has been released is never edited: append another.
 * All agents of a tenant share the tenant's schema, hence the `agent` columns.
 */
export interface Migration {
  readonly name: string;
  readonly statements: readonly string[];
}

export const migrations: readonly Migration[] = [
  {
    name: 'conversations and settings',
    statements: [
      `create table conversation (
         id uuid primary key,
         agent text not null,
         subject text not null,
         title text not null,
         length integer not null default 0 check (length >= 0),
         turn_holder uuid,
         turn_until timestamptz,
         created_at timestamptz not null default now(),
         updated_at timestamptz not null default now()
       )`,
      `create index conversation_by_owner on conversation (agent, subject, updated_at desc, id desc)`,
      `create table message (
         id uuid primary key,
         conversation uuid not null references conversation (id) on delete cascade,
         seq integer not null check (seq > 0),
         role text not null check (role in ('user', 'assistant')),
         content text not null,
         model text,
         finish_reason text,
         input_tokens integer,
         output_tokens integer,
         created_at timestamptz not null default now(),
         unique (conversation, seq)
       )`,
      `create table agent_settings (
         agent text primary key,
         version integer not null check (version > 0),
         model text,
         temperature double precision,
         max_output_tokens integer,
         additional_instructions text,
         updated_by text not null,
         updated_at timestamptz not null default now()
       )`,
    ],
  },
];
