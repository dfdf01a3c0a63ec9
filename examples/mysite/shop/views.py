from django import forms
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render

from shop.forms import ApplicationForm
from shop.models import Application, Product
from uploads.fields import read_files


class ProductForm(forms.ModelForm):
    class Meta:
        model = Product
        fields = ("name", "manual")


def products(request):
    form = ProductForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        form.save()
        return redirect("home")
    return render(request, "products.html", {"form": form, "products": Product.objects.all()})


@login_required
def apply(request):
    form = ApplicationForm(request.POST or None, user=request.user)
    if form.is_valid():
        form.save()
        return redirect("apply")
    applications = list(Application.objects.all())
    read_files(each.letter for each in applications)
    return render(request, "apply.html", {"form": form, "applications": applications})
