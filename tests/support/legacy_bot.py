#!/usr/bin/env python3
"""The bot's side of a database: its models in SQLAlchemy as LEGACY.md tells them, filled with every trap, and read back.

`legacy_bot.py make URL` creates the tables and the posts; `legacy_bot.py migrated URL` the same where the four columns came by the
bot's migration and not by its model (on PostgreSQL with a time zone); `legacy_bot.py add URL` adds a post, as the bot does while tagdeck runs;
`legacy_bot.py read URL` prints every post as the bot reads it, a line of JSON each. It tags nothing.
"""

import json
import sys
from datetime import datetime, timezone

from sqlalchemy import (
    JSON, BigInteger, Boolean, Column, DateTime, ForeignKey, Integer, String, Text, create_engine, func, select, text,
)
from sqlalchemy.orm import DeclarativeBase, Session, relationship


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True, index=True)
    telegram_id = Column(BigInteger, unique=True, index=True, nullable=False)
    username = Column(String, nullable=True)
    created_at = Column(DateTime, default=lambda: datetime.now(timezone.utc).replace(tzinfo=None))
    posts = relationship("Post", back_populates="user")


class Channel(Base):
    __tablename__ = "channels"
    id = Column(Integer, primary_key=True, index=True)
    channel_username = Column(String, index=True, nullable=True)
    channel_id = Column(BigInteger, unique=True, nullable=True)
    channel_title = Column(String, nullable=True)


class UserChannel(Base):
    __tablename__ = "user_channel"
    user_id = Column(Integer, ForeignKey("users.id"), primary_key=True)
    channel_id = Column(Integer, ForeignKey("channels.id"), primary_key=True)
    is_active = Column(Boolean, default=True)


class Post(Base):
    __tablename__ = "posts"
    id = Column(Integer, primary_key=True, index=True)
    user_id = Column(Integer, ForeignKey("users.id"), nullable=False, index=True)
    channel_id = Column(Integer, ForeignKey("channels.id"), nullable=False, index=True)
    telegram_message_id = Column(BigInteger, nullable=False)
    text = Column(Text, nullable=True)
    views = Column(Integer, nullable=True)
    url = Column(String, nullable=True)
    posted_at = Column(DateTime, nullable=False)
    parsed_at = Column(DateTime, default=lambda: datetime.now(timezone.utc).replace(tzinfo=None))
    tags = Column(JSON, nullable=True)
    enriched_content = Column(Text, nullable=True)
    tagging_status = Column(String, default="pending", server_default="pending")
    tagging_attempts = Column(Integer, default=0, server_default="0")
    last_tagging_attempt = Column(DateTime, nullable=True)
    tagging_error = Column(Text, nullable=True)
    user = relationship("User", back_populates="posts")


POSTED = datetime(2024, 3, 1, 10, 20, 30, 123456)

# What the bot has in its table, by name: columns, and SQL for what its models would not write.
TRAPS = {
    "tagged before there were states": ({"tags": ["кот", "дом"]}, None),
    "escaped tags": ({}, "UPDATE posts SET tags = '[\"\\u043a\\u043e\\u0442\"]' WHERE id = :id"),
    "waits": ({}, None),
    "waits, JSON null": ({}, "UPDATE posts SET tags = 'null' WHERE id = :id"),
    "waits, SQL NULL": ({}, "UPDATE posts SET tags = NULL WHERE id = :id"),
    "waits, no tags": ({"tags": []}, None),
    "no status": ({}, "UPDATE posts SET tagging_status = NULL, tagging_attempts = NULL WHERE id = :id"),
    "tagged": ({"tags": ["рыба"], "tagging_status": "success", "tagging_attempts": 1, "last_tagging_attempt": POSTED}, None),
    "failed": ({"tagging_status": "failed", "tagging_attempts": 5, "tagging_error": "timeout"}, None),
    "retrying": ({"tagging_status": "retrying", "tagging_attempts": 1, "tagging_error": "timeout"}, None),
    "skipped": ({"tagging_status": "skipped"}, None),
    "the same message again": ({"telegram_message_id": 3}, None),
    "no text": ({"text": None}, None),
}


def make(engine):
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        user = User(telegram_id=7_000_000_001, username="владелец")
        channel = Channel(channel_username="news", channel_id=-1_001_234_567_890, channel_title="Новости")
        session.add_all([user, channel])
        session.flush()
        session.add(UserChannel(user_id=user.id, channel_id=channel.id))
        for number, (name, (columns, sql)) in enumerate(TRAPS.items(), 1):
            own = {"telegram_message_id": number, "text": words(number), "posted_at": POSTED, "enriched_content": name, **columns}
            post = Post(user_id=user.id, channel_id=channel.id, **own)
            session.add(post)
            session.flush()
            if sql:
                session.execute(text(sql), {"id": post.id})
        # Another program's own table of migrations.
        session.execute(text("CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, note TEXT)"))
        session.execute(text("INSERT INTO _sqlx_migrations VALUES (1, 'not ours')"))
        session.commit()


def migrated(engine):
    make(engine)
    if engine.dialect.name == "postgresql":
        zoned = "ALTER TABLE posts ALTER COLUMN last_tagging_attempt TYPE TIMESTAMP WITH TIME ZONE USING last_tagging_attempt AT TIME ZONE 'UTC'"
        with Session(engine) as session:
            session.execute(text(zoned))
            session.commit()


def words(number):
    return f"Пост {number}: исследователи рассказали о находке возле озера, музей готовит выставку к осени"


def add(engine):
    with Session(engine) as session:
        user, channel = session.scalars(select(User)).first(), session.scalars(select(Channel)).first()
        number = session.scalar(select(func.count()).select_from(Post)) + 1
        new = Post(user_id=user.id, channel_id=channel.id, telegram_message_id=number, text=words(number), posted_at=POSTED)
        new.enriched_content = "added meanwhile"
        session.add(new)
        session.commit()


def read(engine):
    with Session(engine) as session:
        for post in session.scalars(select(Post).order_by(Post.id)):
            last = post.last_tagging_attempt
            # The bot takes a time without a zone for UTC.
            since = last and (datetime.now(timezone.utc) - (last if last.tzinfo else last.replace(tzinfo=timezone.utc))).total_seconds()
            print(json.dumps({
                "name": post.enriched_content, "text": post.text, "tags": post.tags, "status": post.tagging_status,
                "attempts": post.tagging_attempts, "error": post.tagging_error, "last": last and last.isoformat(), "since": since,
                "posted_at": post.posted_at.isoformat(), "owner": post.user.username,
            }))
        note = session.execute(text("SELECT note FROM _sqlx_migrations")).scalar()
        assert note == "not ours", note


if __name__ == "__main__":
    what, url = sys.argv[1:]
    {"make": make, "migrated": migrated, "add": add, "read": read}[what](create_engine(url))
