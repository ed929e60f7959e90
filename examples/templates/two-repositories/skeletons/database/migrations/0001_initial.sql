-- The first tables of ${{ values.name }}.
create table visits (at timestamptz not null default now());
