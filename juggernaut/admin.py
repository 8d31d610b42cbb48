"""Who may use the system, in the console: users, groups, and the tokens of clients."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from knox.models import AuthToken
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

admin.site.unregister([User, Group, AuthToken])


@admin.register(User)
class ConsoleUserAdmin(UserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "is_active", "is_staff", "is_superuser", "last_login")


@admin.register(Group)
class ConsoleGroupAdmin(GroupAdmin, ModelAdmin):
    pass


@admin.register(AuthToken)
class TokenAdmin(ModelAdmin):
    """Tokens can be looked at and revoked (deleted). They are made by `manage.py create_token`, once seen."""

    list_display = ("token_key", "user", "created", "expiry")
    list_select_related = ("user",)
    fields = readonly_fields = ("token_key", "user", "created", "expiry")
    nothing_exists = "No client has a token. Make one: manage.py create_token NAME"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuthToken | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> "QuerySet[AuthToken]":
        found: QuerySet[AuthToken] = super().get_queryset(request)
        return found.select_related("user")
