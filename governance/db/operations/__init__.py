"""Operations of migrations: functions pinned to their schema, guards of values."""
