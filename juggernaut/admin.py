"""Who may use the system, in the console: users and groups; the tokens of clients have pages of their own."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from juggernaut import token_pages

__all__ = ["token_pages"]

admin.site.unregister([User, Group])


@admin.register(User)
class ConsoleUserAdmin(UserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    filter_horizontal = ()  # Django's chooser of two lists names its parts for nobody who cannot see them
    list_display = ("username", "is_active", "is_staff", "is_superuser", "last_login")


@admin.register(Group)
class ConsoleGroupAdmin(GroupAdmin, ModelAdmin):
    filter_horizontal = ()
